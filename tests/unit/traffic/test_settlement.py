"""What channels earn, lose again, and are paid by statements of two people."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from lending.common.errors import DomainError
from lending.models import Application, Loan
from lending.services import applications, drawdowns, grants, loans, statements
from tests.conftest import Clock
from tests.factories.applications import judged
from tests.factories.borrowers import borrower
from tests.factories.loans import granted, paid_out, taker
from tests.factories.staff import officer
from traffic import services
from traffic.models import Attribution, Channel, ChannelOrder, ChannelStatement, SettlementLine
from traffic.rules.settlement import BadTerms, Facts, Terms, fee, lost, read
from users.models import Check, User
from users.services import accounts, acts, lists

T = datetime(2026, 3, 2, 2, tzinfo=UTC)
DAY = date(2026, 3, 2)
CPS = Terms("CPS", Decimal("0.02"), None, {"cancelled_hours": 24, "first_overdue_days": 30})
CPA = Terms("CPA", None, 12_000, {"fraud_days": 30})
CPL = Terms("CPL", None, 1_800, {"duplicate_days": 30})
HOUR, A_DAY = timedelta(hours=1), timedelta(days=1)


class TestRules:
    @pytest.mark.parametrize(
        ("terms", "principal", "cents"),
        [(CPS, 1_000_000, 20_000), (CPS, 50_025, 1_001), (CPS, 24, 0), (CPA, 1, 12_000)],
    )
    def test_a_fee_is_rounded_half_up(self, terms: Terms, principal: int, cents: int) -> None:
        assert fee(terms, principal) == cents

    @pytest.mark.parametrize(
        ("terms", "facts", "why"),
        [
            (CPS, {}, ""),
            (CPS, {"cancelled_at": T + 24 * HOUR}, "cancelled"),
            (CPS, {"cancelled_at": T + 24 * HOUR + timedelta(seconds=1)}, ""),
            (CPS, {"returned": True}, "returned"),
            (CPA, {"returned": True}, "returned"),
            (CPS, {"first_due": DAY - 30 * A_DAY}, ""),
            (CPS, {"first_due": DAY - 31 * A_DAY}, "first_overdue"),
            (CPS, {"first_due": DAY - 60 * A_DAY, "first_paid": DAY - 30 * A_DAY}, ""),
            (CPS, {"first_due": DAY - 60 * A_DAY, "first_paid": DAY - 29 * A_DAY}, "first_overdue"),
            (CPS, {"fraud_at": T, "earlier_at": T}, ""),  # nothing of the kind was agreed
            (CPA, {"fraud_at": T + 30 * A_DAY}, "fraud"),
            (CPA, {"fraud_at": T + 30 * A_DAY + HOUR}, ""),
            (CPA, {"cancelled_at": T}, ""),
            (CPL, {"earlier_at": T - 30 * A_DAY}, "duplicate"),
            (CPL, {"earlier_at": T - 30 * A_DAY - HOUR}, ""),
        ],
    )
    def test_a_fee_is_lost_within_the_limits_agreed(self, terms: Terms, facts: dict[str, Any], why: str) -> None:
        assert lost(terms, Facts(earned_at=T, today=DAY, **facts)) == why

    @pytest.mark.parametrize(
        "row",
        [
            ("CPS", "", None, ""),
            ("CPS", "2", None, ""),
            ("CPS", "0.02", 100, ""),
            ("CPA", "", 0, ""),
            ("CPX", "", 100, ""),
            ("", "0.02", None, ""),
            ("CPA", "", 100, "whim_days:3"),
            ("CPA", "", 100, "fraud_days:some"),
        ],
    )
    def test_terms_that_nobody_can_reckon_by_are_refused(self, row: tuple[str, str, int | None, str]) -> None:
        with pytest.raises(BadTerms):
            read(*row)


def credited(channel: str, application_id: int, at: datetime) -> None:
    Attribution.objects.create(application_id=application_id, channel_id=channel, rule="intake", frozen_at=at)


def loan_of(channel: str, at: datetime, **asked: Any) -> Loan:
    who = taker(at)
    grant_id = granted(at, who)
    loan = paid_out(at, who, grant_id, **asked)
    credited(channel, loan.drawdown.grant.application_id, at)
    return loan


def lead(at: datetime, user_id: int, number: int) -> None:
    application_id = judged(at, "decline", reasons=("S01",), with_offer=False, user_id=user_id, product_code="ONCE")
    ChannelOrder.objects.create(
        channel_id="POCKET", external_id=str(number), application_id=application_id, request_sha256="0" * 64,
        details_taken=True, received_at=at,
    )  # fmt: skip


def lines(**named: Any) -> Sequence[Any]:
    found = SettlementLine.objects.filter(**named).order_by("pk")
    return list(found.values_list("channel_id", "reason", "amount_cents"))


def refuse(change: str) -> None:
    """The database does."""
    caught = pytest.raises(DatabaseError, match="append_only")
    with caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


class TestLines:
    def test_a_share_of_what_is_paid_out_each_drawdown_once(self, at: datetime) -> None:
        first = loan_of("LOANHUB", at, amount_cents=1_000_000)
        loan_of("OWN", at)
        assert [services.settle_due(at=at), services.settle_due(at=at + A_DAY)] == [1, 0]
        line = SettlementLine.objects.get()
        assert (line.channel_id, line.amount_cents, line.base_cents, line.rate) == (
            "LOANHUB", 20_000, 1_000_000, Decimal("0.02"),
        )  # fmt: skip
        assert (line.drawdown_id, line.on_date, line.currency) == (first.drawdown_id, DAY, "CNY")

    def test_the_first_grant_of_a_borrower_and_no_later_one(self, at: datetime) -> None:
        user_id = borrower(at)
        for place in (0, 1):
            when = at + place * A_DAY
            product = ("LINE", "BIZ")[place]
            application_id = judged(when, "approve", grade="B", reasons=(), user_id=user_id, product_code=product)
            grants.open(application_id=application_id, at=when)
            credited("CARDMATE", application_id, when)
        services.settle_due(at=at + 2 * A_DAY)
        assert lines() == [("CARDMATE", "first_grant", 12_000)]

    def test_a_submitted_order_of_somebody_whose_id_was_checked(self, at: datetime) -> None:
        lead(at, borrower(at), 1)
        unchecked = borrower(at)
        lead(at, unchecked, 2)
        Check.objects.filter(user_id=unchecked).delete()
        draft = applications.start(user_id=borrower(at), product_code="ONCE", channel_code="POCKET", by="system", at=at)
        ChannelOrder.objects.create(
            channel_id="POCKET", external_id="3", application_id=draft, request_sha256="0" * 64, details_taken=True,
            received_at=at,
        )  # fmt: skip
        services.settle_due(at=at)
        assert lines() == [("POCKET", "lead", 1_800)]

    def test_are_taken_back_once_by_a_line_that_names_the_first(self, at: datetime) -> None:
        returned, cancelled, late = (
            loan_of("LOANHUB", at, amount_cents=cents) for cents in (100_000, 200_000, 300_000)
        )
        services.settle_due(at=at)
        drawdowns.returned(drawdown_id=returned.drawdown_id, at=at + HOUR)
        row = Loan.objects.get(pk=cancelled.pk)
        loans.cancel(row, reverse=("accrual", "payout"), used_cents=0, by="system", as_of=DAY, at=at + 23 * HOUR)
        due = late.instalments.get(number=1).due_date
        later = at.replace(year=due.year, month=due.month, day=due.day) + 31 * A_DAY
        assert [services.settle_due(at=later), services.settle_due(at=later)] == [3, 0]
        taken = SettlementLine.objects.filter(kind="clawback").order_by("amount_cents")
        assert [(line.reason, line.amount_cents, line.reverses.drawdown_id) for line in taken if line.reverses] == [
            ("first_overdue", -6_000, late.drawdown_id),
            ("cancelled", -4_000, cancelled.drawdown_id),
            ("returned", -2_000, returned.drawdown_id),
        ]

    def test_fraud_found_in_time_and_a_borrower_brought_twice(self, at: datetime) -> None:
        user_id = borrower(at)
        application_id = judged(at, "approve", grade="B", reasons=(), user_id=user_id)
        grants.open(application_id=application_id, at=at)
        credited("CARDMATE", application_id, at)
        twice = borrower(at)
        lead(at, twice, 1)
        Application.objects.filter(user_id=twice).update(reapply_at=at)
        lead(at + 10 * A_DAY, twice, 2)
        services.settle_due(at=at + 10 * A_DAY)
        phone = User.objects.get(pk=user_id).phone or ""
        lists.add(kind="black", subject="phone", value=phone, reason="forged", by="system", at=at)
        services.settle_due(at=at + 29 * A_DAY)
        assert lines(kind="clawback") == [("POCKET", "duplicate", -1_800), ("CARDMATE", "fraud", -12_000)]

    def test_stay_as_they_were_written(self, at: datetime) -> None:
        loan_of("LOANHUB", at)
        services.settle_due(at=at)
        for change in ("UPDATE traffic_settlementline SET amount_cents = 1", "DELETE FROM traffic_settlementline"):
            refuse(change)


@pytest.fixture
def april(at: datetime, clock: Clock) -> datetime:
    """A loan of March, and one of April; it is the third of April."""
    loan_of("LOANHUB", at, amount_cents=1_000_000)
    clock.move(days=32)
    loan_of("LOANHUB", clock.at, amount_cents=500_000)
    return clock.at


def another(at: datetime) -> str:
    pk = accounts.make_staff(username="another", password="long enough for anybody", is_superuser=True, at=at)
    return f"staff:{pk}"


def drafted(at: datetime, month: date = date(2026, 3, 31)) -> int:
    return services.draft_statement(
        channel_code="LOANHUB", month=month, reason="the month is over", by=officer(at), at=at
    )


class TestStatements:
    def test_take_a_month_once_and_are_approved_by_somebody_else(self, april: datetime) -> None:
        why: dict[str, Any] = {"reason": "compared with the orders", "at": april}
        pk = drafted(april)
        statement = ChannelStatement.objects.get(pk=pk)
        assert (statement.month, statement.lines_count, statement.total_cents) == (date(2026, 3, 1), 1, 20_000)
        with pytest.raises(statements.StatementExists), transaction.atomic():
            drafted(april)
        with pytest.raises(statements.SamePerson), transaction.atomic():
            services.approve_statement(statement_id=pk, by=officer(april), **why)
        services.approve_statement(statement_id=pk, by=another(april), **why)
        for again in (services.approve_statement, services.discard_statement):
            with pytest.raises(statements.NotADraft), transaction.atomic():
                again(statement_id=pk, by=another(april), **why)
        refuse("UPDATE traffic_channelstatement SET total_cents = 0")
        refuse("UPDATE traffic_settlementline SET statement_id = NULL WHERE statement_id IS NOT NULL")
        refuse(f"UPDATE traffic_settlementline SET statement_id = {pk} WHERE statement_id IS NULL")

    def test_are_booked_once_with_what_was_adjusted(self, april: datetime) -> None:
        pk = drafted(april)
        said: dict[str, Any] = {"statement_id": pk, "at": april}
        adjuster = another(april)
        services.adjust_statement(amount_cents=-2_500, reason="a promised discount", by=adjuster, **said)
        for nobody in (adjuster, officer(april)):
            with pytest.raises(statements.SamePerson), transaction.atomic():
                services.approve_statement(reason="compared", by=nobody, **said)
        services.approve_statement(reason="compared", by="system", **said)
        journal = ChannelStatement.objects.get(pk=pk).journal
        assert journal
        assert (journal.key, journal.party) == (f"channel_statement-{pk}", "LOANHUB")
        assert {entry.account.kind: entry.amount_cents for entry in journal.entries.all()} == {
            "channel_fee_expense": 17_500,
            "channel_payable": -17_500,
        }

    def test_a_clawback_after_the_approval_is_in_the_next_one(self, april: datetime, clock: Clock) -> None:
        services.approve_statement(statement_id=drafted(april), reason="as it is", by=another(april), at=april)
        clock.set(datetime(2026, 5, 4, 2, tzinfo=UTC))  # the first instalment was due on 2 April
        pk = drafted(clock.at, date(2026, 4, 1))
        assert SettlementLine.objects.filter(statement=pk).count() == 1  # 10,000 of April
        clock.set(datetime(2026, 6, 2, 2, tzinfo=UTC))
        following = ChannelStatement.objects.get(pk=drafted(clock.at, date(2026, 5, 1)))
        assert (following.lines_count, following.total_cents) == (1, -20_000)

    def test_a_discarded_one_leaves_its_lines_open(self, april: datetime) -> None:
        first = drafted(april)
        services.discard_statement(statement_id=first, reason="a line is missing", by=officer(april), at=april)
        assert not SettlementLine.objects.filter(statement__isnull=False).exists()
        assert drafted(april) != first

    @pytest.mark.parametrize(
        ("channel", "month", "named"),
        [
            ("LOANHUB", date(2026, 4, 1), "month_not_over"),
            ("LOANHUB", date(2026, 2, 1), "nothing_to_settle"),
            ("CARDMATE", date(2026, 3, 1), "nothing_to_settle"),
            ("OWN", date(2026, 3, 1), "not_found"),
            ("NOBODY", date(2026, 3, 1), "not_found"),
        ],
    )
    def test_are_refused_by_name(self, april: datetime, channel: str, month: date, named: str) -> None:
        with pytest.raises(DomainError) as caught, transaction.atomic():
            services.draft_statement(channel_code=channel, month=month, reason="as a test", by=officer(april), at=april)
        assert caught.value.code == named
        assert not ChannelStatement.objects.exists()

    def test_need_the_permission_and_a_reason(self, april: datetime) -> None:
        nobody = f"staff:{accounts.make_staff(username='nobody', password='long enough for anybody', at=april)}"
        said: dict[str, Any] = {"channel_code": "LOANHUB", "month": date(2026, 3, 1), "at": april}
        for by, reason, refused in (
            (nobody, "good enough", acts.NotAllowed),
            (officer(april), "no", acts.ReasonRequired),
        ):
            with pytest.raises(refused), transaction.atomic():
                services.draft_statement(by=by, reason=reason, **said)
        assert not ChannelStatement.objects.exists()


def test_the_configured_terms_are_what_the_words_say(at: datetime) -> None:
    found = Channel.objects.exclude(settle_kind="").values_list("pk", "settle_kind", "settle_rate", "settle_fee_cents")
    assert sorted(found) == [
        ("CARDMATE", "CPA", None, 12_000),
        ("LOANHUB", "CPS", Decimal("0.02"), None),
        ("POCKET", "CPL", None, 1_800),
    ]
