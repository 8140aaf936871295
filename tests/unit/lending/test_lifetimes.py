"""What waits too long ends, at its instant and not before, and one that moved on does not stop the others."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from lending.models import Application, Drawdown, Event, Grant, Lifetime
from lending.services import applications, drawdowns, grants, lifetimes, supplements
from tests.factories import loans as factory
from tests.factories.applications import judged
from tests.factories.borrowers import borrower
from tests.factories.loans import Taker
from users.models import Message

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def draft(at: datetime) -> int:
    user_id = borrower(at)
    return applications.start(user_id=user_id, product_code="LINE", channel_code="OWN", by=f"user:{user_id}", at=at)


def waiting_for_documents(at: datetime) -> int:
    application_id = judged(at, "refer")
    supplements.request(application_id=application_id, items=[("income_proof", "工资")], by="staff:1", at=at)
    return application_id


def application(pk: int) -> tuple[str, list[str]]:
    row = Application.objects.get(pk=pk)
    return row.status, row.reasons


def drawdown(pk: int) -> tuple[str, list[str]]:
    row = Drawdown.objects.get(pk=pk)
    return row.status, row.reasons


class TestApplications:
    @pytest.mark.parametrize(
        ("bring", "life", "reason"),
        [
            (draft, 30 * DAY, "B02"),
            (lambda at: judged(at, "refer"), 7 * DAY, "B02"),
            (waiting_for_documents, 72 * HOUR, "N02"),
        ],
        ids=["draft", "referral", "supplement"],
    )
    def test_end_with_their_reason_and_tell_the_borrower(
        self, at: datetime, bring: Callable[[datetime], int], life: timedelta, reason: str
    ) -> None:
        pk = bring(at)
        assert lifetimes.expire_due(at=at + life - timedelta(seconds=1)) == 0
        assert lifetimes.expire_due(at=at + life) == 1
        assert application(pk) == ("EXPIRED", [reason])
        assert lifetimes.expire_due(at=at + life) == 0
        assert Message.objects.filter(template="application_expired").count() == 1

    def test_a_referral_counts_from_when_it_last_came_in(self, at: datetime) -> None:
        pk = waiting_for_documents(at)
        supplements.answer(application_id=pk, texts={"income_proof": "附上"}, files={}, by="user:1", at=at + 2 * DAY)
        assert lifetimes.expire_due(at=at + 8 * DAY) == 0
        assert lifetimes.expire_due(at=at + 9 * DAY) == 1

    def test_nothing_where_nothing_is_configured(self, at: datetime) -> None:
        draft(at)
        Lifetime.objects.all().delete()
        assert lifetimes.expire_due(at=at + 400 * DAY) == 0


class TestDrawdowns:
    @pytest.fixture
    def requested(self, at: datetime, who: Taker, grant_id: int) -> int:
        return factory.requested(at, who, grant_id)

    def test_without_money_for_seventy_two_hours(self, at: datetime, requested: int, grant_id: int) -> None:
        drawdowns.record_check(drawdown_id=requested, outcome="approve", reasons=(), decision_id=None, at=at)
        drawdowns.no_funder(drawdown_id=requested, reasons=["M01"], at=at + 70 * HOUR)
        assert lifetimes.expire_due(at=at + 72 * HOUR - timedelta(seconds=1)) == 0
        assert lifetimes.expire_due(at=at + 72 * HOUR) == 1
        assert drawdown(requested) == ("EXPIRED", ["M01"])
        assert Grant.objects.get(pk=grant_id).pending_cents == 0

    def accepted(self, at: datetime, drawdown_id: int, until: datetime) -> None:
        drawdowns.record_check(drawdown_id=drawdown_id, outcome="approve", reasons=(), decision_id=None, at=at)
        drawdowns.funder_pending(drawdown_id=drawdown_id, funder_code="HYF", guarantor_code="", mode="direct", at=at)
        drawdowns.funder_accepted(drawdown_id=drawdown_id, expires_at=until, at=at)

    def test_unsigned_for_a_day(self, at: datetime, requested: int) -> None:
        self.accepted(at, requested, at + 3 * DAY)
        assert lifetimes.expire_due(at=at + DAY - timedelta(seconds=1)) == 0
        assert lifetimes.expire_due(at=at + DAY) == 1
        assert drawdown(requested) == ("EXPIRED", ["B02"])

    def test_an_approval_that_runs_out_is_sought_again(self, at: datetime, requested: int) -> None:
        self.accepted(at, requested, at + HOUR)
        assert lifetimes.expire_due(at=at + HOUR) == 1
        found = Drawdown.objects.get(pk=requested)
        assert (found.status, found.funder_code, found.approval_expires_at) == ("ROUTING", "", None)

    def test_a_card_not_changed_for_seventy_two_hours(self, at: datetime, requested: int) -> None:
        factory.disbursing(at, requested)
        drawdowns.payout_failed(drawdown_id=requested, fault="card", reasons=["M03"], at=at)
        Drawdown.objects.filter(pk=requested).update(approval_expires_at=at + 5 * DAY)
        assert lifetimes.expire_due(at=at + 72 * HOUR - timedelta(seconds=1)) == 0
        assert lifetimes.expire_due(at=at + 72 * HOUR) == 1
        assert drawdown(requested) == ("EXPIRED", ["M03"])

    def test_nothing_ends_while_money_is_on_its_way(self, at: datetime, requested: int) -> None:
        factory.disbursing(at, requested)
        assert lifetimes.expire_due(at=at + 100 * DAY) == 0
        assert drawdown(requested)[0] == "DISBURSING"


class TestGrants:
    def test_end_on_their_day_unless_something_is_pending(self, at: datetime, who: Taker, grant_id: int) -> None:
        end = Grant.objects.get(pk=grant_id).valid_until
        drawdown_id = factory.requested(end - HOUR, who, grant_id)
        assert lifetimes.expire_due(at=end) == 0
        drawdowns.cancel(drawdown_id=drawdown_id, by=who.by, at=end)
        assert lifetimes.expire_due(at=end - timedelta(seconds=1)) == 0
        assert lifetimes.expire_due(at=end) == 1
        assert Grant.objects.get(pk=grant_id).status == "EXPIRED"
        last = Event.objects.filter(grant_id=grant_id, subject="grant").latest("id")
        assert (last.source, last.target, last.reason) == ("ACTIVE", "EXPIRED", "B02")

    def test_a_frozen_one_too(self, at: datetime, grant_id: int) -> None:
        grants.freeze(grant_id=grant_id, reason="overdue", by="system", at=at)
        assert lifetimes.expire_due(at=Grant.objects.get(pk=grant_id).valid_until) == 1


def test_many_things_end_in_one_pass(at: datetime, who: Taker, grant_id: int) -> None:
    ids = [draft(at), judged(at, "refer"), waiting_for_documents(at)]
    drawdown_id = factory.requested(at, who, grant_id)
    assert lifetimes.expire_due(at=at + 30 * DAY) == 4
    assert {application(pk)[0] for pk in ids} == {"EXPIRED"}
    assert drawdown(drawdown_id)[0] == "EXPIRED"
