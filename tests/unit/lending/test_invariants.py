"""What must never be false, attacked in the database itself, past every service.

The guards of the other apps are broken one by one in their own tests; here they must at least be there and be on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, models, transaction

from lending.models import (
    Account,
    Application,
    Drawdown,
    Entry,
    Event,
    Grant,
    Instalment,
    Journal,
    Loan,
    LoanCreditor,
    Repayment,
)
from tests.factories import loans as factory
from tests.factories.applications import judged, submitted
from tests.factories.loans import Taker


@contextmanager
def refused(said: str) -> Iterator[None]:
    """The database refuses what is done inside, at the latest at the end of the transaction."""
    with pytest.raises(DatabaseError, match=said), transaction.atomic():  # noqa: PT012  the caller's statement is it
        yield
        sql("SET CONSTRAINTS ALL IMMEDIATE")


def sql(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def set_to(row: models.Model, **values: Any) -> None:
    """UPDATE, without a service and without the model."""
    changed = type(row)._default_manager.filter(pk=row.pk).update(**values)
    assert changed == 1


def again(row: models.Model, **values: Any) -> None:
    """INSERT a copy of the row."""
    fields = {f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields if not f.primary_key}
    fields.pop("public_id", None)
    model = type(row)
    model(**(fields | values)).save(force_insert=True)


@pytest.fixture
def loan(at: datetime, who: Taker, grant_id: int) -> Loan:
    return factory.paid_out(at, who, grant_id)


class TestApplications:
    def test_one_open_per_borrower_and_family(self, at: datetime) -> None:
        row = Application.objects.get(pk=submitted(at))
        for status in ("DRAFT", "SUBMITTED", "ASSESSING", "REFERRED", "SUPPLEMENT"):
            with refused("one_open_application_per_family"):
                again(row, status=status)
        with transaction.atomic():
            again(row, status="WITHDRAWN")
            again(row, product_family="business")

    def test_none_before_the_day_a_refusal_names(self, at: datetime) -> None:
        row = Application.objects.get(pk=judged(at, "decline"))
        until = row.reapply_at
        assert until
        draft = {"status": "DRAFT", "reapply_at": None, "reasons": []}
        with refused("cooling_off"):
            again(row, created_at=until - timedelta(seconds=1), **draft)
        again(row, created_at=until, **draft)

    @pytest.mark.parametrize(
        ("status", "values", "said"),
        [
            ("NOWHERE", {}, "application_status_known"),
            ("SUBMITTED", {"asked_cents": None}, "submitted_application_is_complete"),
            ("SUBMITTED", {"asked_cents": 0}, "submitted_application_is_complete"),
            ("GRANTED", {"decided_cents": None}, "granted_application_has_terms"),
            ("GRANTED", {"decided_rate": None}, "granted_application_has_terms"),
            ("DECLINED", {"reasons": []}, "declined_application_says_why"),
            ("DECLINED", {"reapply_at": None}, "declined_application_says_why"),
        ],
    )
    def test_say_what_their_state_needs(self, at: datetime, status: str, values: dict[str, Any], said: str) -> None:
        row = Application.objects.get(pk=judged(at, "decline" if status == "DECLINED" else "approve"))
        with refused(said):
            set_to(row, status=status, **values)


class TestLimit:
    @pytest.mark.parametrize(
        "values",
        [
            {"used_cents": 5_000_001},
            {"pending_cents": 5_000_001},
            {"used_cents": 3_000_000, "pending_cents": 2_000_001},
            {"used_cents": -1},
            {"pending_cents": -1},
        ],
    )
    def test_drawn_and_pending_stay_within_it(self, grant_id: int, values: dict[str, int]) -> None:
        with refused("drawn_and_pending_within_limit"):
            set_to(Grant.objects.get(pk=grant_id), **values)

    def test_one_grant_per_application_and_one_loan_per_drawdown(self, grant_id: int, loan: Loan) -> None:
        with refused("application_id"):
            again(Grant.objects.get(pk=grant_id))
        with refused("drawdown_id"):
            again(loan)


class TestCeiling:
    """24.07 % is what 21.6 % nominal costs over twelve months from the end of January."""

    def test_no_grant_or_drawdown_costs_more(self, at: datetime, who: Taker, grant_id: int) -> None:
        drawdown_id = factory.requested(at, who, grant_id)
        dear = Decimal("0.240701")
        with refused("grant_under_its_ceiling"):
            set_to(Grant.objects.get(pk=grant_id), xirr=dear)
        with refused("drawdown_under_its_ceiling"):
            set_to(Drawdown.objects.get(pk=drawdown_id), xirr=dear)
        for column in ("irr12", "xirr", "ceiling_xirr"):  # both costs are always there
            with refused("null value|not-null"):
                set_to(Grant.objects.get(pk=grant_id), **{column: None})


class TestDrawdown:
    @pytest.mark.parametrize("status", ["FUNDER_PENDING", "SIGNING", "SIGNED", "DISBURSING", "CARD_FIX", "PAID"])
    def test_past_routing_has_a_funder(self, at: datetime, who: Taker, grant_id: int, status: str) -> None:
        row = Drawdown.objects.get(pk=factory.requested(at, who, grant_id))
        with refused("drawdown_past_routing_has_a_funder"):
            set_to(row, status=status, contract_set_sha256="ab" * 32, paid_at=at)

    @pytest.mark.parametrize("status", ["SIGNED", "DISBURSING", "PAID"])
    def test_past_signing_has_the_hash_of_its_contracts(
        self, at: datetime, who: Taker, grant_id: int, status: str
    ) -> None:
        row = Drawdown.objects.get(pk=factory.requested(at, who, grant_id))
        with refused("drawdown_past_signing_has_its_contracts"):
            set_to(row, status=status, funder_code="QTX", paid_at=at)
        with refused("paid_drawdown_says_when"):
            set_to(row, status="PAID", funder_code="QTX", contract_set_sha256="ab" * 32)

    @pytest.mark.parametrize("values", [{"amount_cents": 0}, {"amount_cents": -1}, {"months": 0}])
    def test_is_of_something(self, at: datetime, who: Taker, grant_id: int, values: dict[str, int]) -> None:
        with refused("drawdown_amount_positive"):
            set_to(Drawdown.objects.get(pk=factory.requested(at, who, grant_id)), **values)

    @pytest.mark.parametrize("column", ["consent_id", "bureau_consent_id", "card_id"])
    def test_stands_on_consents(self, at: datetime, who: Taker, grant_id: int, column: str) -> None:
        with refused("not-null"):
            set_to(Drawdown.objects.get(pk=factory.requested(at, who, grant_id)), **{column: None})


class TestJournal:
    def journal(self, loan: Loan, *cents: int) -> None:
        journal = Journal.objects.create(
            key="forged", kind="forged", loan=loan, business_date=loan.value_date, posted_at=loan.opened_at
        )
        accounts = [Account.objects.get_or_create(kind=f"a{number}", book="own")[0] for number in range(len(cents))]
        for account, amount in zip(accounts, cents, strict=True):
            Entry.objects.create(journal=journal, account=account, amount_cents=amount)

    @pytest.mark.parametrize("cents", [(), (5,), (5, -4), (5, 5), (5, -3, -3)])
    def test_sums_to_zero_over_at_least_two_legs(self, loan: Loan, cents: tuple[int, ...]) -> None:
        with refused("unbalanced"):
            self.journal(loan, *cents)
        with transaction.atomic():
            self.journal(loan, 5, -3, -2)
            sql("SET CONSTRAINTS ALL IMMEDIATE")

    def test_takes_no_leg_of_nothing_and_no_account_twice(self, loan: Loan) -> None:
        with refused("entry_moves_something"):
            self.journal(loan, 0, 0)
        entry = Entry.objects.filter(journal__loan=loan).earliest("id")
        with refused("one_leg_per_account"):
            again(entry)

    def test_gets_no_further_leg_later(self, loan: Loan) -> None:
        entry = Entry.objects.filter(journal__loan=loan).earliest("id")
        other = Account.objects.create(kind="elsewhere", book="own")
        with refused("unbalanced"):
            again(entry, account_id=other.pk)

    @pytest.mark.parametrize("table", ["lending_journal", "lending_entry"])
    @pytest.mark.parametrize("attack", ["UPDATE {} SET id = id", "DELETE FROM {}"])
    def test_is_append_only(self, loan: Loan, table: str, attack: str) -> None:
        with refused("append_only"):
            sql(attack.format(table))
        assert loan.journals.count() == 1

    def test_one_key_one_journal_and_one_reversal(self, loan: Loan) -> None:
        journal = loan.journals.get()
        with refused("lending_journal_key"):
            again(journal)
        with refused("reverses_id"), transaction.atomic():
            again(journal, key="r1", reverses_id=journal.pk)
            again(journal, key="r2", reverses_id=journal.pk)

    def test_every_account_is_of_a_book_once(self, loan: Loan) -> None:
        account = Account.objects.filter(book="own").earliest("id")
        with refused("one_account_per_kind_and_book"):
            again(account)
        with refused("null value|not-null"):
            set_to(account, book=None)


class TestSchedule:
    def test_sums_to_the_principal(self, loan: Loan) -> None:
        first = loan.instalments.get(number=1)
        with refused("schedule_sum"):
            set_to(first, principal_cents=first.principal_cents + 1)
        with refused("schedule_sum"):
            set_to(loan, principal_cents=loan.principal_cents - 1)
        with refused("schedule_sum"):
            again(first, number=13)
        with refused("schedule_sum"):
            sql("DELETE FROM lending_instalment WHERE id = %s", first.pk)
        with refused("one_instalment_per_number"):
            again(first)
        second = loan.instalments.get(number=2)
        with transaction.atomic():  # moving a cent between two rows keeps the sum
            set_to(first, principal_cents=first.principal_cents - 1)
            set_to(second, principal_cents=second.principal_cents + 1)
            sql("SET CONSTRAINTS ALL IMMEDIATE")

    @pytest.mark.parametrize(
        "values",
        [
            {"paid_principal_cents": 10**9},
            {"paid_interest_cents": 10**9},
            {"paid_penalty_cents": 1},
            {"paid_principal_cents": -1},
            {"accrued_interest_cents": 10**9},
            {"waived_interest_cents": 10**9},
            {"penalty_cents": -1},
        ],
    )
    def test_is_never_paid_beyond_what_is_due(self, loan: Loan, values: dict[str, int]) -> None:
        with refused("instalment_paid_within_due"):
            set_to(loan.instalments.get(number=1), **values)

    def test_a_loan_without_one_is_none(self, loan: Loan) -> None:
        with refused("schedule_sum"):
            Instalment.objects.filter(loan=loan).delete()

    def test_the_parts_of_a_repayment_sum(self, at: datetime, loan: Loan) -> None:
        parts = {"principal_cents": 60, "interest_cents": 30, "guarantee_fee_cents": 0, "penalty_cents": 9}
        with refused("repayment_parts_sum"):
            Repayment.objects.create(loan=loan, key="k", amount_cents=100, received_at=at, posted_at=at, **parts)
        row = Repayment.objects.create(
            loan=loan, key="k", amount_cents=100, surplus_cents=1, received_at=at, posted_at=at, **parts
        )
        with refused("lending_repayment_key"):
            again(row)


class TestCreditor:
    def test_a_loan_has_one_from_its_first_day(self, at: datetime, loan: Loan) -> None:
        row = loan.creditors.get()
        with refused("no_creditor"):
            sql("DELETE FROM lending_loancreditor WHERE id = %s", row.pk)
        with refused("no_creditor"):
            set_to(row, from_date=loan.value_date + timedelta(days=1))
        with refused("one_creditor_at_any_date"):
            again(row, creditor="AHG")
        with refused("not-null"):
            set_to(row, creditor=None)
        LoanCreditor.objects.create(loan=loan, creditor="AHG", from_date=loan.value_date + timedelta(days=61))

    def test_a_loan_that_is_written_without_one_is_refused(self, at: datetime, who: Taker, grant_id: int) -> None:
        drawdown_id = factory.requested(at, who, grant_id)
        template = factory.paid_out(at, who, grant_id)
        with refused("no_creditor|schedule_sum"):
            again(template, drawdown_id=drawdown_id)

    def test_a_closed_loan_says_when(self, at: datetime, loan: Loan) -> None:
        with refused("closed_loan_says_when"):
            set_to(loan, status="SETTLED")
        with refused("closed_loan_says_when"):
            set_to(loan, closed_at=at)


class TestHistory:
    def test_an_event_names_its_subject(self, loan: Loan) -> None:
        event = Event.objects.filter(subject="loan").earliest("id")
        with refused("event_has_its_subject"):
            set_to(event, loan_id=None)
        with refused("foreign key|RESTRICT|still referenced"):
            sql("DELETE FROM lending_application WHERE id = %s", event.application_id)


# Invariant of `docs/architecture` -> constraints and triggers that hold it outside lending.
GUARDS = {
    2: ["risk_decision_never_changed", "risk_release_never_changed", "risk_binding_kept", "risk_submission_kept"],
    3: [
        "risk_submission_four_eyes",
        "risk_exemption_four_eyes",
        "review_case_has_two_reviewers",
        "review_final_is_not_held_by_the_initial_reviewer",
        "risk_release_four_eyes",
    ],
    4: ["day_within_its_cap", "month_within_its_cap", "funding_reservation_append_only"],
    5: ["one_payout_not_failed_per_drawdown", "funding_payout_guard", "funding_payout_facts_stay"],
    7: [
        "users_check_needs_consent_on_insert",
        "users_check_needs_consent_on_claim",
        "risk_pull_needs_consent_on_insert",
        "risk_pull_needs_consent_on_claim",
        "funding_allocation_needs_consent_on_insert",
        "funding_allocation_needs_consent_on_claim",
    ],
}


class TestGuards:
    @pytest.mark.parametrize("name", [name for names in GUARDS.values() for name in names])
    def test_are_in_the_database_and_on(self, db: None, name: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT (SELECT count(*) FROM pg_trigger WHERE tgname = %(name)s AND tgenabled = 'O')"
                " + (SELECT count(*) FROM pg_constraint WHERE conname = %(name)s AND convalidated)"
                " + (SELECT count(*) FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid"
                "    WHERE c.relname = %(name)s AND i.indisunique AND i.indisvalid)",
                {"name": name},
            )
            assert cursor.fetchone() == (1,)

    def test_no_check_of_lending_passes_because_a_column_is_null(self, db: None) -> None:
        """NULL > 0 is not false, and a CHECK refuses only what is false: such a column must be asked for by name."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT c.conname, a.attname FROM pg_constraint c"
                " JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)"
                " WHERE c.contype = 'c' AND NOT a.attnotnull AND c.conrelid::regclass::text LIKE 'lending_%'"
                " AND c.conname NOT LIKE '%_check' AND pg_get_constraintdef(c.oid) !~ (a.attname || ' IS (NOT )?NULL')"
            )
            assert cursor.fetchall() == []

    @pytest.mark.parametrize(
        ("table", "column"),
        [("users_check", "consent_id"), ("risk_datapull", "consent_id"), ("funding_allocation", "consent_id")],
    )
    def test_rows_that_send_stand_on_a_consent(self, db: None, table: str, column: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT is_nullable FROM information_schema.columns WHERE table_name = %s AND column_name = %s",
                [table, column],
            )
            assert cursor.fetchone() == ("NO",)
