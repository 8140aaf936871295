"""Borrowers whom channels bring, each by the flow of their channel, to the loan, and what the channel is owed."""

from collections.abc import Callable

import pytest

from lending.management.demo import cases
from lending.management.demo.borrower import Borrower
from lending.management.demo.partner import BY_CHANNEL
from lending.models import Application, Loan
from tests.conftest import Clock
from traffic import services
from traffic.models import Attribution, ChannelOrder, SettlementLine, StatusPush, Touch

pytestmark = pytest.mark.django_db(transaction=True)

# Rows without a story that the shipped strategy approves.
LOANHUB, CARDMATE, POCKET = 76, 48, 39


@pytest.mark.parametrize(
    ("row", "channel", "touch", "owed"),
    [
        (LOANHUB, "LOANHUB", "intake", ("paid_out", None)),
        (CARDMATE, "CARDMATE", "session", ("first_grant", 12_000)),
        (POCKET, "POCKET", "intake", ("lead", 1_800)),
    ],
)
def test_a_channel_s_borrower_is_paid_out_and_the_channel_is_owed_for_it(
    borrower: Callable[..., Borrower], clock: Clock, row: int, channel: str, touch: str, owed: tuple[str, int | None]
) -> None:
    person = borrower(row, BY_CHANNEL[channel])
    assert person.person.wish.channel == channel
    cases.play(person)
    application = Application.objects.get()
    assert (application.status, application.channel_code) == ("GRANTED", channel)
    loan = Loan.objects.get()
    taken = StatusPush.objects.filter(state="sent").order_by("seq").values_list("payload__status", flat=True)
    person.until(lambda: "PAID" in taken.all(), what="the channel to take that it is paid out")
    assert taken.first() == "RECEIVED"
    assert Attribution.objects.get().channel_id == channel
    assert set(Touch.objects.values_list("channel_id", "kind")) == {(channel, touch)}
    assert ChannelOrder.objects.count() == (0 if channel == "CARDMATE" else 1)
    assert services.settle_due(at=clock.at) == 1
    line = SettlementLine.objects.get()
    reason, cents = owed
    assert (line.channel_id, line.reason) == (channel, reason)
    assert line.amount_cents == (cents or loan.principal_cents * 2 // 100)
