"""When a funder pays out next, and what is said of it to those who wait."""

from datetime import datetime, timedelta

import pytest

from funding import services
from funding.models import Funder, Payout, Programme
from funding.queries import openings
from lending import queries
from lending.models import Drawdown
from lending.services import drawdowns as lending
from tests.conftest import Clock
from tests.factories import drawdowns
from tests.factories.configuration import configure
from users.models import Message

pytestmark = pytest.mark.django_db


@pytest.fixture
def at(db: None, clock: Clock) -> datetime:
    configure(clock.at, apps=("lending", "users", "funding"))
    return clock.at


def pays_from(drawdown_id: int, at: datetime) -> datetime | None:
    return openings.pays_from(queries.drawdown(drawdown_id), at)


class TestPayDay:
    def test_the_money_after_a_cut_off_is_of_the_next_day_the_funder_works(self, at: datetime) -> None:
        Funder.objects.filter(pk="HYF").update(workdays_only=True, opens="09:00", closes="17:00", cut_off="16:00")
        programme = Programme.objects.select_related("funder").get(pk="HYF-D")
        friday, monday = at + timedelta(days=4), at + timedelta(days=7)
        late = friday.replace(hour=16, minute=30)
        assert openings.pay_day(programme, late) == (late, monday.date())  # open still, and Saturday has no money
        shut = friday.replace(hour=18)
        assert openings.pay_day(programme, shut) == (monday.replace(hour=9, minute=0), monday.date())


class TestPaysFrom:
    def test_is_the_opening_that_signed_money_waits_for(self, at: datetime) -> None:
        signing = drawdowns.signing(at)
        late, opening = at.replace(hour=23, minute=10), (at + timedelta(days=1)).replace(hour=0, minute=30)
        assert (pays_from(signing.drawdown_id, at), pays_from(signing.drawdown_id, late)) == (None, opening)
        lending.signed(drawdown_id=signing.drawdown_id, contract_set_sha256=drawdowns.SET_SHA256, at=late)
        services.start_payout(drawdown_id=signing.drawdown_id, at=late)
        assert (pays_from(signing.drawdown_id, late), pays_from(signing.drawdown_id, opening)) == (opening, None)

    def test_is_not_the_next_attempt_at_a_payout_that_was_sent(self, at: datetime) -> None:
        allocation = drawdowns.signed(at)
        payout_id = services.start_payout(drawdown_id=allocation.drawdown_id, at=at)
        Payout.objects.filter(pk=payout_id).update(attempts=1, not_before=at + timedelta(minutes=5))
        assert pays_from(allocation.drawdown_id, at) is None


class TestWithoutAFunder:
    @pytest.fixture
    def drawdown_id(self, at: datetime) -> int:
        return drawdowns.routing(at)

    def none_found(self, drawdown_id: int, reason: str, at: datetime) -> queries.DrawdownView:
        lending.no_funder(drawdown_id=drawdown_id, reasons=[reason], at=at)
        return queries.drawdown(drawdown_id)

    def test_for_want_of_money_it_is_looked_at_again(self, at: datetime, drawdown_id: int) -> None:
        view = self.none_found(drawdown_id, "M01", at)
        again = openings.asks_again_at(view)
        assert again == at.replace(hour=23)
        waiting = [(view.id, view.candidates, view.status_at)]
        assert openings.due_for_another_look(waiting, again - timedelta(seconds=1)) == []
        assert openings.due_for_another_look(waiting, again) == [view.id]
        Programme.objects.update(enabled=False)
        assert openings.asks_again_at(view) is None
        assert Message.objects.filter(user_id=view.user_id).latest("pk").template == "no_funder"

    @pytest.mark.parametrize("reason", ["M02", "M04"])
    def test_after_a_no_of_all_it_is_not_and_keeps_their_reason(
        self, at: datetime, drawdown_id: int, reason: str
    ) -> None:
        view = self.none_found(drawdown_id, reason, at)
        assert openings.asks_again_at(view) is None
        assert Message.objects.filter(user_id=view.user_id).latest("pk").template == "drawdown_declined"
        lending.expire(drawdown_id=drawdown_id, reasons=["M01"], at=at)
        row = Drawdown.objects.get(pk=drawdown_id)
        assert (row.status, row.reasons) == ("EXPIRED", [reason])
