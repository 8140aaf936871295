"""What the platform earns with lenders and guarantors, to the cent, and the statement of two people."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from funding import services
from funding.models import FunderLine, FunderSettlement, FunderStatement
from funding.providers.base import PaymentAnswer
from funding.queries import settlement as queries
from funding.rules.settlement import (
    GUARANTOR,
    LENDER,
    RESERVE,
    BadTerms,
    Terms,
    cost,
    days_past_due,
    fee_back,
    legs,
    platform_share,
    provision,
    read,
)
from lending.common.errors import DomainError
from lending.models import Entry, Holiday, Loan
from lending.services import loans, repayments
from lending.services.statements import NotADraft, SamePerson
from tests.conftest import Clock
from tests.factories import drawdowns
from tests.factories.staff import officer
from users.services import accounts

HYF = read(basis="collected", rate="65", none_over_dpd="90", due_workday="5")
LJB = read(basis="balance", rate="6.0", fee_back="25", due_workday="5", deposit="5")
QTX = read(basis="own", rate="100", provision="1 3 30 60 100")
DAY = date(2026, 3, 2)
A_DAY = timedelta(days=1)


def at_ten(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 2, tzinfo=UTC)


class TestRules:
    @pytest.mark.parametrize(
        ("interest", "dpd", "ours"),
        [
            (10_000, 0, 3_500),
            (10_000, 90, 3_500),
            (10_000, 91, 0),  # all of it the lender's
            (1, 0, 0),  # 0.65 of a cent is a cent
            (3, 0, 1),  # 1.95
            (10, 0, 3),  # 6.5 goes up
            (12_345, 0, 4_321),  # 8,024.25
        ],
    )
    def test_the_lender_has_its_share_of_what_is_collected(self, interest: int, dpd: int, ours: int) -> None:
        assert platform_share(HYF, interest_cents=interest, dpd=dpd) == ours

    @pytest.mark.parametrize(("fee", "back"), [(10_000, 2_500), (1, 0), (2, 1), (0, 0), (333, 83), (334, 84)])
    def test_the_guarantor_gives_a_part_of_its_fee(self, fee: int, back: int) -> None:
        assert fee_back(LJB, fee) == back
        assert fee_back(HYF, fee) == 0

    @pytest.mark.parametrize(
        ("moves", "until", "cents"),
        [
            ([(DAY, 1_000_000)], DAY, 0),
            ([(DAY, 1_000_000)], DAY + A_DAY, 164),  # 164.38
            ([(DAY, 1_000_000)], DAY + 365 * A_DAY, 60_000),
            ([(date(2028, 1, 1), 1_000_000)], date(2029, 1, 1), 60_164),  # 366 days over 365
            ([(DAY, 1_000_000), (DAY + 10 * A_DAY, -400_000)], DAY + 20 * A_DAY, 2_630),  # 10 x 10,000 + 10 x 6,000
            ([(DAY, 1_000_000), (DAY + 10 * A_DAY, -1_000_000)], DAY + 99 * A_DAY, 1_644),
            ([(DAY, 1_000_000)], DAY - A_DAY, 0),
            ([], DAY, 0),
        ],
    )
    def test_a_balance_costs_by_the_day(self, moves: list[tuple[date, int]], until: date, cents: int) -> None:
        assert cost(LJB, moves, until) == cents

    @pytest.mark.parametrize(
        ("dpd", "cents"),
        [
            *((0, 1_000), (1, 3_000), (90, 3_000), (91, 30_000), (270, 30_000)),
            *((271, 60_000), (360, 60_000), (361, 100_000)),
        ],
    )
    def test_a_class_is_provided_for(self, dpd: int, cents: int) -> None:
        assert provision(QTX, balance_cents=100_000, dpd=dpd) == (cents, Decimal(cents) / 100_000)

    @pytest.mark.parametrize(
        ("paid", "days"),
        [
            ([None, None], 40),
            ([at_ten(DAY - A_DAY), None], 10),
            ([at_ten(DAY), None], 40),  # this very payment ends the first line
            ([at_ten(DAY - A_DAY)] * 2, 0),
        ],
    )
    def test_days_past_due_are_those_before_the_money_came(self, paid: list[datetime | None], days: int) -> None:
        lines = list(zip((DAY - 40 * A_DAY, DAY - 10 * A_DAY), paid, strict=True))
        assert days_past_due(lines, before=at_ten(DAY), on=DAY) == days

    @pytest.mark.parametrize(
        ("sums", "by_hand", "booked"),
        [
            ([("share", 350)], LENDER, {"funder_receivable": 350, "service_fee_income": -350}),
            (
                [("interest", 8_000), ("cost", -9_340), ("adjustment", 40)],
                LENDER,
                {"funder_receivable": -1_300, "service_fee_income": 1_300},
            ),
            ([("fee_back", 25)], GUARANTOR, {"guarantor_receivable": 25, "guarantee_share_income": -25}),
            (
                [("own", 8_000), ("provision", -10_000)],
                RESERVE,
                {"loan_provision": -10_000, "provision_expense": 10_000},
            ),
            ([("own", 8_000)], RESERVE, {}),
        ],
    )
    def test_an_approval_is_booked_where_the_platform_earns(
        self, sums: list[tuple[str, int]], by_hand: tuple[str, str], booked: dict[str, int]
    ) -> None:
        assert legs(sums, by_hand=by_hand) == booked

    @pytest.mark.parametrize(
        "row",
        [
            {"basis": "collected", "rate": ""},
            {"basis": "collected", "rate": "some"},
            {"basis": "collected", "rate": "0"},
            {"basis": "collected", "rate": "101"},
            {"basis": "collected", "rate": "65.001"},
            {"basis": "collected", "rate": "65", "fee_back": "25"},
            {"basis": "collected", "rate": "65", "provision": "1 3 30 60 100"},
            {"basis": "collected", "rate": "65", "none_over_dpd": "-1"},
            {"basis": "collected", "rate": "65", "due_workday": "0"},
            {"basis": "balance", "rate": "6", "none_over_dpd": "90"},
            {"basis": "own", "rate": "99", "provision": "1 3 30 60 100"},
            {"basis": "own", "rate": "100"},
            {"basis": "own", "rate": "100", "provision": "1 3 30 60"},
            {"basis": "own", "rate": "100", "provision": "3 1 30 60 100"},
            {"basis": "collected", "rate": "65", "deposit": "5"},
            {"basis": "balance", "rate": "6", "deposit": "0"},
            {"basis": "hearsay", "rate": "6"},
        ],
    )
    def test_terms_that_nobody_can_reckon_by_are_refused(self, row: dict[str, str]) -> None:
        with pytest.raises(BadTerms):
            read(**row)


def test_the_configured_terms_are_what_the_words_say(at: datetime) -> None:
    found = {
        row.pk: Terms(
            row.basis, row.rate, row.fee_back, row.none_over_dpd, tuple(row.provision), row.due_workday, row.deposit
        )
        for row in FunderSettlement.objects.all()
        if row.rate is not None
    }
    due = QTX.__class__(QTX.basis, QTX.rate, provision=QTX.provision, due_workday=5)
    assert found == {"HYF-D": HYF, "LJB-G": LJB, "QTX-O": due, "NHT-T": read(basis="servicing", rate="1.2")}


def paid_out(at: datetime, funder: str) -> Loan:
    """10,000.00 over 12 months, by the services of the product."""
    allocation = drawdowns.signed(at, candidates=[funder])
    payout_id = services.start_payout(drawdown_id=allocation.drawdown_id, at=at)
    assert payout_id
    services.settle_payout(payout_id=payout_id, answer=PaymentAnswer("succeeded", moved_cents=1_000_000), at=at)
    return Loan.objects.get(drawdown=allocation.drawdown_id)


def pay(loan: Loan, number: int, day: date) -> Any:
    """An instalment in full on that day."""
    line = loan.instalments.get(number=number)
    cents = line.principal_cents + line.interest_cents + line.guarantee_fee_cents
    pk = repayments.post(
        loan_id=loan.pk, amount_cents=cents, received_at=at_ten(day), key=f"pay-{loan.pk}-{number}", at=at_ten(day)
    )
    return loan.repayments.get(pk=pk)


def lines(**named: Any) -> list[tuple[str, str, int, int]]:
    rows = FunderLine.objects.filter(**named).order_by("pk")
    return list(rows.values_list("party_id", "kind", "base_cents", "amount_cents"))


class TestLines:
    def test_collected_interest_is_shared_once(self, at: datetime) -> None:
        loan = paid_out(at, "HYF")
        due = loan.instalments.get(number=1).due_date
        assert services.settle_due(at=at) == 0
        paid = pay(loan, 1, due)
        assert [services.settle_due(at=at_ten(due)), services.settle_due(at=at_ten(due) + A_DAY)] == [1, 0]
        interest = loan.instalments.get(number=1).interest_cents
        ours = platform_share(HYF, interest_cents=interest, dpd=0)
        assert lines() == [("HYF", "share", interest, ours)]
        line = FunderLine.objects.get()
        assert (line.source, line.on_date, line.dpd) == (f"share:repayment:{paid.pk}", due, 0)
        assert 0 < ours < interest

    def test_a_late_note_is_all_the_lender_s(self, at: datetime) -> None:
        loan = paid_out(at, "HYF")
        due = loan.instalments.get(number=1).due_date
        loans.accrue(loan_id=loan.pk, as_of=due + 95 * A_DAY, at=at_ten(due + 96 * A_DAY))
        for number, day in (
            (1, 94),
            (2, 95),
        ):  # past 90 days principal is paid first: then something is left for interest
            repayments.post(
                loan_id=loan.pk, amount_cents=100_000, received_at=at_ten(due + day * A_DAY), key=f"late-{number}",
                at=at_ten(due + 96 * A_DAY),
            )  # fmt: skip
        services.settle_due(at=at_ten(due + 97 * A_DAY))
        found = FunderLine.objects.filter(kind="share")
        assert found
        assert {line.amount_cents for line in found if (line.dpd or 0) > 90} == {0}
        assert any((line.dpd or 0) > 90 for line in found)

    def test_the_bank_s_interest_pays_its_balance_and_the_guarantor_gives_of_its_fee(self, at: datetime) -> None:
        loan = paid_out(at, "LJB")
        due = loan.instalments.get(number=1).due_date
        pay(loan, 1, due)
        first = loan.instalments.get(number=1)
        services.settle_due(at=at_ten(due))
        march, april = date(2026, 3, 31), date(2026, 4, 30)
        cost_march = cost(LJB, [(loan.value_date, 1_000_000)], march)
        assert lines() == [
            ("LJB", "interest", first.interest_cents, first.interest_cents),
            ("AHG", "fee_back", first.guarantee_fee_cents, fee_back(LJB, first.guarantee_fee_cents)),
            ("LJB", "cost", 1_000_000, -cost_march),
        ]
        assert cost_march == 4_767  # 29 days of 10,000.00 at 6 %
        services.settle_due(at=at_ten(april + A_DAY))
        moves = [(loan.value_date, 1_000_000), (due, -first.principal_cents)]
        assert lines(on_date=april) == [
            ("LJB", "cost", 1_000_000 - first.principal_cents, cost_march - cost(LJB, moves, april))
        ]
        assert services.settle_due(at=at_ten(april + A_DAY)) == 0

    def test_a_claim_ends_the_bank_s_part_and_pays_its_interest(self, at: datetime) -> None:
        loan = paid_out(at, "LJB")
        first = loan.instalments.order_by("number")[0].due_date
        loans.accrue(loan_id=loan.pk, as_of=first + 61 * A_DAY, at=at_ten(first + 62 * A_DAY))
        now = at_ten(first + 62 * A_DAY)
        claim_id = services.compensate(loan_id=loan.pk, at=now)
        services.settle_due(at=now)
        [claimed] = FunderLine.objects.filter(kind="interest")
        assert (claimed.source, claimed.party_id) == (f"interest:claim:{claim_id}", "LJB")
        repayments.post(loan_id=loan.pk, amount_cents=100_000, received_at=now + A_DAY, key="late", at=now + A_DAY)
        services.settle_due(at=now + A_DAY)
        assert FunderLine.objects.filter(kind="interest").count() == 1
        assert FunderLine.objects.filter(kind="fee_back").count() == 1  # what the guarantor now collects for itself
        for months in (1, 2):
            services.settle_due(at=now + months * 31 * A_DAY)
        assert FunderLine.objects.filter(kind="cost").latest("pk").base_cents == 0
        written = FunderLine.objects.count()
        assert services.settle_due(at=now + 93 * A_DAY) == 0
        assert FunderLine.objects.count() == written

    def test_the_own_book_keeps_all_and_provides_by_class(self, at: datetime) -> None:
        loan = paid_out(at, "QTX")
        services.settle_due(at=at_ten(date(2026, 4, 1)))
        assert lines() == [("QTX", "provision", 1_000_000, -10_000)]
        due = loan.instalments.get(number=1).due_date
        services.settle_due(at=at_ten(date(2026, 5, 1)))  # the first was due on 2 April
        assert lines(on_date=date(2026, 4, 30)) == [("QTX", "provision", 1_000_000, -20_000)]
        assert FunderLine.objects.latest("pk").dpd == (date(2026, 4, 30) - due).days == 28
        paid = pay(loan, 1, date(2026, 5, 4))
        pay(loan, 2, date(2026, 5, 5))
        services.settle_due(at=at_ten(date(2026, 6, 1)))
        left = sum(line.open_principal_cents for line in loan.instalments.all())
        kept = provision(QTX, balance_cents=left, dpd=29)[0]  # a little penalty of 2 May is still open
        assert lines(on_date=date(2026, 5, 31)) == [("QTX", "provision", left, 30_000 - kept)]
        assert lines(repayment=paid) == [("QTX", "own", paid.interest_cents, paid.interest_cents)]

    @pytest.mark.parametrize("funder", ["HYF", "LJB", "QTX"])
    def test_a_cancelled_loan_earns_nothing(self, at: datetime, funder: str) -> None:
        loan = paid_out(at, funder)
        due = loan.instalments.get(number=1).due_date
        pay(loan, 1, due)
        services.settle_due(at=at_ten(due))
        services.settle_due(at=at_ten(due))
        before = FunderLine.objects.count()
        loans.cancel_returned(loan_id=loan.pk, at=at_ten(due + A_DAY))
        assert services.settle_due(at=at_ten(due + A_DAY)) == before > 0
        assert services.settle_due(at=at_ten(due + 60 * A_DAY)) == 0
        assert sum(line.amount_cents for line in FunderLine.objects.all()) == 0
        assert FunderLine.objects.exclude(reverses=None).count() == before

    def test_stay_as_they_were_written(self, at: datetime) -> None:
        pay(loan := paid_out(at, "HYF"), 1, loan.instalments.get(number=1).due_date)
        services.settle_due(at=at_ten(date(2026, 4, 3)))
        for change in ("UPDATE funding_funderline SET amount_cents = 1", "DELETE FROM funding_funderline"):
            refuse(change)


def refuse(change: str) -> None:
    """The database does."""
    with pytest.raises(DatabaseError, match="append_only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


@pytest.fixture
def may(at: datetime, clock: Clock) -> datetime:
    """A loan of the bank with one instalment paid in April; it is the fourth of May."""
    loan = paid_out(at, "LJB")
    pay(loan, 1, loan.instalments.get(number=1).due_date)
    clock.set(at_ten(date(2026, 5, 4)))
    return clock.at


def booked(row: FunderStatement) -> dict[str, int]:
    return {str(entry.account): entry.amount_cents for entry in Entry.objects.filter(journal=row.journal)}


def drafted(at: datetime, party: str = "LJB", month: date = date(2026, 4, 15)) -> int:
    return services.draft_statement(party_code=party, month=month, reason="the month is over", by=officer(at), at=at)


def another(at: datetime) -> str:
    pk = accounts.make_staff(username="another", password="long enough for anybody", is_superuser=True, at=at)
    return f"staff:{pk}"


class TestStatements:
    def test_are_of_one_party_and_approved_by_somebody_else(self, may: datetime) -> None:
        why: dict[str, Any] = {"reason": "compared with the bank's file", "at": may}
        pk = drafted(may)
        row = FunderStatement.objects.get(pk=pk)
        assert (row.party_id, row.month, row.lines_count) == ("LJB", date(2026, 4, 1), 3)
        assert row.total_cents == sum(line.amount_cents for line in row.lines.all())
        assert drafted(may, "AHG")  # its part of the fee is a statement of its own
        with pytest.raises(SamePerson), transaction.atomic():
            services.approve_statement(statement_id=pk, by=officer(may), **why)
        services.approve_statement(statement_id=pk, by=another(may), **why)
        row.refresh_from_db()
        assert row.journal
        assert (row.journal.party, row.journal.loan, row.journal.business_date) == ("LJB", None, may.date())
        assert booked(row) == {"own:funder_receivable": row.total_cents, "own:service_fee_income": -row.total_cents}
        for again in (services.approve_statement, services.discard_statement):
            with pytest.raises(NotADraft), transaction.atomic():
                again(statement_id=pk, by=another(may), **why)
        refuse("UPDATE funding_funderstatement SET total_cents = 0")
        refuse(f"UPDATE funding_funderline SET statement_id = NULL WHERE statement_id = {pk}")

    def test_are_adjusted_by_a_line_that_another_person_approves(self, may: datetime) -> None:
        pk = drafted(may)
        before = FunderStatement.objects.get(pk=pk)
        said: dict[str, Any] = {"statement_id": pk, "at": may}
        for cents, reason, named in ((0, "a good reason", "nothing_adjusted"), (-500, "no", "reason_required")):
            with pytest.raises(DomainError) as caught, transaction.atomic():
                services.adjust_statement(amount_cents=cents, reason=reason, by=another(may), **said)
            assert caught.value.code == named
        by = another(may)
        services.adjust_statement(amount_cents=-500, reason="an interest day counted twice", by=by, **said)
        row = FunderStatement.objects.get(pk=pk)
        assert (row.total_cents, row.lines_count) == (before.total_cents - 500, before.lines_count + 1)
        line = row.lines.get(kind="adjustment")
        assert (line.by, line.note, line.on_date) == (by, "an interest day counted twice", date(2026, 4, 30))
        for nobody in (by, officer(may)):  # who adjusted it, and who drafted it
            with pytest.raises(SamePerson), transaction.atomic():
                services.approve_statement(reason="compared", by=nobody, **said)
        with pytest.raises(DatabaseError, match="two_people"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE funding_funderstatement SET state = 'approved', decided_by = %s, decided_at = now()", [by]
            )
        services.approve_statement(reason="compared", by="system", **said)
        row.refresh_from_db()
        assert booked(row)["own:funder_receivable"] == before.total_cents - 500
        with pytest.raises(NotADraft), transaction.atomic():
            services.adjust_statement(amount_cents=1, reason="a good reason", by=by, **said)
        refuse(f"""INSERT INTO funding_funderline (party, kind, source, amount_cents, currency, on_date, at,
            statement_id, "by", note)
            VALUES ('LJB', 'adjustment', 'late', 1, 'CNY', '2026-04-30', now(), {pk}, 'x', 'y')""")

    @pytest.mark.parametrize(
        ("party", "month", "named"),
        [
            ("LJB", date(2026, 5, 1), "month_not_over"),
            ("LJB", date(2026, 2, 1), "nothing_to_settle"),
            ("HYF", date(2026, 4, 1), "nothing_to_settle"),
            ("NHT", date(2026, 4, 1), "nothing_to_settle"),  # its lots come later
            ("LOANHUB", date(2026, 4, 1), "not_found"),
            ("NOBODY", date(2026, 4, 1), "not_found"),
        ],
    )
    def test_are_refused_by_name(self, may: datetime, party: str, month: date, named: str) -> None:
        with pytest.raises(DomainError) as caught, transaction.atomic():
            drafted(may, party, month)
        assert caught.value.code == named
        assert not FunderStatement.objects.exists()

    @pytest.mark.parametrize(
        ("month", "free", "due"),
        [
            (date(2026, 3, 1), [], date(2026, 4, 7)),  # Wednesday the first; a weekend between
            (date(2026, 3, 1), [date(2026, 4, 6)], date(2026, 4, 8)),
            (date(2026, 7, 1), [], date(2026, 8, 7)),  # the first is a Saturday
        ],
    )
    def test_are_due_on_the_fifth_workday(self, at: datetime, month: date, free: list[date], due: date) -> None:
        Holiday.objects.all().delete()
        for day in free:
            Holiday.objects.create(on_date=day, workday=False, name="a test")
        assert queries.due_on("HYF", month) == due
        assert queries.due_on("AHG", month) == due
        assert queries.due_on("NHT", month) is None

    def test_are_late_after_that_day(self, may: datetime) -> None:
        services.settle_due(at=may)
        march, april = date(2026, 3, 1), date(2026, 4, 1)
        assert [(row.party_code, row.month, row.is_late) for row in queries.open_lines(may)] == [
            ("LJB", march, True),
            ("AHG", april, False),
            ("LJB", april, False),
        ]
