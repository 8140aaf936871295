"""What lets a borrower apply, what a verdict leaves behind, what a person may still change, who may appeal."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from lending import queries
from lending.common.errors import DomainError, NotFound
from lending.models import Application, Event, Product
from lending.rules.offer import AboveCeiling
from lending.rules.terms import Terms
from lending.services import applications, supplements
from lending.services.applications import (
    AppealClosed,
    ConsentMissing,
    CoolingOff,
    IdentityNotChecked,
    OpenApplicationExists,
    OverOffer,
    PriceChanged,
    ProductClosed,
    ProfileIncomplete,
    UnknownReason,
    WrongState,
)
from lending.services.gates import InvalidRequest
from tests.factories.applications import judged, submitted
from tests.factories.borrowers import borrower
from users.models import Check, Consent, Message, Source
from users.services import accounts, consents

ASKED: dict[str, Any] = {
    "amount_cents": 1_000_000,
    "months": 12,
    "method": "equal_instalment",
    "purpose": "education",
}


def start(user_id: int, at: datetime, product: str = "LINE") -> int:
    return applications.start(user_id=user_id, product_code=product, channel_code="OWN", by=f"user:{user_id}", at=at)


def submit(application_id: int, at: datetime, **asked: Any) -> None:
    applications.submit(application_id=application_id, **(ASKED | asked), by="user:1", at=at)


def row(application_id: int) -> Application:
    return Application.objects.get(pk=application_id)


def unchanged(application_id: int, error: type[DomainError], act: Any) -> DomainError:
    """`act` is refused by name, and neither the application nor its history has changed."""
    before = Application.objects.filter(pk=application_id).values().get()
    events = Event.objects.filter(application_id=application_id).count()
    with pytest.raises(error) as refused:
        act()
    assert Application.objects.filter(pk=application_id).values().get() == before
    assert Event.objects.filter(application_id=application_id).count() == events
    return refused.value


class TestStart:
    def test_opens_one_draft_per_kind_of_loan(self, at: datetime) -> None:
        user_id = borrower(at)
        first = start(user_id, at)
        with pytest.raises(OpenApplicationExists) as refused:
            start(user_id, at, "ONCE")  # the same family
        assert refused.value.data == {"application_id": str(row(first).public_id)}
        assert row(start(user_id, at, "BIZ")).status == "DRAFT"

    def test_refuses_a_product_that_is_unknown_or_closed(self, at: datetime) -> None:
        user_id = borrower(at)
        with pytest.raises(ProductClosed):
            start(user_id, at, "NOPE")
        Product.objects.filter(code="LINE").update(active=False)
        with pytest.raises(ProductClosed):
            start(user_id, at)

    def test_after_a_refusal_only_from_the_day_its_reasons_say(self, at: datetime) -> None:
        user_id = borrower(at)
        judged(at, "decline", reasons=["S01", "P02", "H02"], user_id=user_id)  # 30, 90 and 0 days
        until = at + timedelta(days=90)
        with pytest.raises(CoolingOff) as refused:
            start(user_id, until - timedelta(seconds=1))
        assert datetime.fromisoformat(refused.value.data["reapply_at"]) == until
        assert start(user_id, at, "BIZ")
        assert start(user_id, until)

    def test_a_reason_without_a_day_means_never(self, at: datetime) -> None:
        user_id = borrower(at)
        judged(at, "decline", reasons=["H01", "S01"], user_id=user_id)
        with pytest.raises(CoolingOff) as refused:
            start(user_id, at + timedelta(days=36_500))
        assert refused.value.data == {"reapply_at": None}


class TestSubmit:
    @pytest.mark.parametrize(
        ("asked", "field"),
        [
            ({"amount_cents": 90_000}, "amount_cents"),
            ({"amount_cents": 5_010_000}, "amount_cents"),
            ({"amount_cents": 1_000_001}, "amount_cents"),
            ({"months": 7}, "months"),
            ({"method": "interest_only"}, "method"),
            ({"purpose": "gambling"}, "purpose"),
        ],
    )
    def test_names_the_field_that_the_product_does_not_allow(
        self, at: datetime, asked: dict[str, Any], field: str
    ) -> None:
        application_id = start(borrower(at), at)
        error = unchanged(application_id, InvalidRequest, lambda: submit(application_id, at, **asked))
        assert set(error.data["fields"]) == {field}

    def test_says_what_is_missing_details_then_consents_then_the_check(self, at: datetime) -> None:
        bare = accounts.ensure_user(phone="13911112222", at=at)
        application_id = start(bare, at)
        error = unchanged(application_id, ProfileIncomplete, lambda: submit(application_id, at))
        assert {"name", "id_number"} <= set(error.data["missing"])

        user_id = borrower(at)
        application_id = start(user_id, at)
        Check.objects.filter(user_id=user_id).update(source=Source.objects.get(code="id2"))  # whom the vendor answered
        late = at + timedelta(days=180)  # as long as the check is good for
        unchanged(application_id, IdentityNotChecked, lambda: submit(application_id, late))
        for code in ("credit_query", "bureau_query"):
            consent_id = Consent.objects.get(user_id=user_id, code=code).pk
            consents.withdraw(user_id=user_id, consent_id=consent_id, by=f"user:{user_id}", at=at)
        error = unchanged(application_id, ConsentMissing, lambda: submit(application_id, at))
        assert error.data == {"missing": ["credit_query", "bureau_query"]}

    def test_keeps_what_was_asked(self, at: datetime) -> None:
        found = row(submitted(at))
        assert (found.asked_cents, found.asked_months, found.purpose, found.submitted_at) == (
            1_000_000,
            12,
            "education",
            at,
        )
        assert queries.application(found.pk).purpose_category == "consumer"
        unchanged(found.pk, WrongState, lambda: submit(found.pk, at))

    def test_an_application_that_is_not_there_is_not_found(self, at: datetime) -> None:
        with pytest.raises(NotFound):
            submit(0, at)


class TestRecordVerdict:
    def verdict(self, application_id: int, at: datetime, **given: Any) -> bool:
        values = {"outcome": "approve", "terms": None, "grade": "B", "reasons": [], "decision_id": 1} | given
        return applications.record_verdict(application_id=application_id, **values, at=at)

    def assessing(self, at: datetime) -> int:
        application_id = submitted(at)
        applications.begin_assessment(application_id=application_id, at=at)
        return application_id

    def test_a_refusal_has_known_reasons(self, at: datetime) -> None:
        application_id = self.assessing(at)
        for reasons in ([], ["Z99"]):
            unchanged(
                application_id,
                UnknownReason,
                lambda given=reasons: self.verdict(application_id, at, outcome="decline", reasons=given),
            )
        self.verdict(application_id, at, outcome="decline", reasons=["S01", "S04"])
        found = row(application_id)
        assert (found.status, found.reasons, found.reapply_at) == (
            "DECLINED",
            ["S01", "S04"],
            at + timedelta(days=60),
        )
        assert Message.objects.filter(user_id=found.user_id, template="application_declined").exists()

    def test_too_late_changes_nothing(self, at: datetime) -> None:
        application_id = self.assessing(at)
        applications.withdraw(application_id=application_id, by="user:1", at=at)
        before = Application.objects.filter(pk=application_id).values().get()
        assert self.verdict(application_id, at, outcome="decline", reasons=["S01"]) is False
        assert Application.objects.filter(pk=application_id).values().get() == before

    def test_an_offer_keeps_the_ceiling_of_its_day(self, at: datetime) -> None:
        """21.6 % nominal is under 24 by twelve times the month, and over it in a year that begins in February."""
        application_id = self.assessing(at)
        terms = Terms(1_000_000, 12, Decimal("0.216"))
        last_of_january = at.replace(year=2027, month=1, day=31)
        for outcome in ("approve", "refer"):
            error = unchanged(
                application_id,
                AboveCeiling,
                lambda given=outcome: self.verdict(
                    application_id, last_of_january, outcome=given, terms=terms, reasons=["S03"]
                ),
            )
            assert error.data == {"xirr": "0.240701", "ceiling_xirr": "0.2400"}


class TestApprove:
    @pytest.fixture
    def referred(self, at: datetime) -> int:
        """10,000 asked for 12 months; 8,000 offered at 20.4 %."""
        return judged(at, "refer", offer_cents=800_000)

    def approve(self, application_id: int, at: datetime, **terms: Any) -> None:
        given = {"amount_cents": 800_000, "months": 12, "annual_rate": Decimal("0.204")} | terms
        applications.approve(application_id=application_id, terms=Terms(**given), reasons=["S03"], by="staff:1", at=at)

    @pytest.mark.parametrize(
        ("terms", "error"),
        [
            ({"amount_cents": 800_100}, OverOffer),
            ({"amount_cents": 0}, OverOffer),
            ({"annual_rate": Decimal("0.18")}, PriceChanged),
            ({"annual_rate": Decimal("0.2041")}, PriceChanged),
            ({"months": 18}, DomainError),
            ({"months": 7}, DomainError),
        ],
    )
    def test_a_reviewer_may_lower_and_never_prices(
        self, at: datetime, referred: int, terms: dict[str, Any], error: type[DomainError]
    ) -> None:
        unchanged(referred, error, lambda: self.approve(referred, at, **terms))
        self.approve(referred, at, amount_cents=500_000, months=6)
        found = row(referred)
        assert (found.status, found.decided_cents, found.decided_months, found.offered_cents) == (
            "GRANTED",
            500_000,
            6,
            800_000,
        )

    def test_checks_the_ceiling_again(self, at: datetime, referred: int) -> None:
        Product.objects.filter(code="LINE").update(ceiling_xirr=Decimal("0.22"))
        unchanged(referred, AboveCeiling, lambda: self.approve(referred, at))

    def test_needs_an_offer(self, at: datetime) -> None:
        application_id = judged(at, "refer", with_offer=False)
        unchanged(application_id, OverOffer, lambda: self.approve(application_id, at))


class TestAppeal:
    def appeal(self, application_id: int, at: datetime) -> None:
        applications.appeal(application_id=application_id, reason="一张工资单", by="user:1", at=at)

    def test_once_within_thirty_days(self, at: datetime) -> None:
        application_id = judged(at, "decline")
        last = at + timedelta(days=30)
        unchanged(application_id, AppealClosed, lambda: self.appeal(application_id, last + timedelta(seconds=1)))
        self.appeal(application_id, last)
        found = row(application_id)
        assert (found.status, found.appeals, found.reapply_at) == ("REFERRED", 1, None)
        applications.decline(application_id=application_id, reasons=["S03"], by="staff:1", at=last)
        unchanged(application_id, AppealClosed, lambda: self.appeal(application_id, last))

    @pytest.mark.parametrize(
        ("grade", "asked_cents", "offered_cents", "rate"),
        [("B", 1_000_000, 1_000_000, "0.144"), ("C", 3_000_000, 1_500_000, "0.18"), ("E", 1_000_000, None, None)],
    )
    def test_a_person_may_lend_at_the_price_and_limit_of_the_grade(
        self, at: datetime, grade: str, asked_cents: int, offered_cents: int | None, rate: str | None
    ) -> None:
        application_id = judged(at, "decline", grade=grade, reasons=["P02"], amount_cents=asked_cents)
        assert row(application_id).offered_cents is None
        self.appeal(application_id, at)
        found = row(application_id)
        assert (found.offered_cents, found.decided_cents) == (offered_cents, offered_cents)
        assert found.decided_rate == (Decimal(rate) if rate else None)

    def test_not_while_another_of_the_kind_is_open(self, at: datetime) -> None:
        user_id = borrower(at)
        refused = judged(at, "decline", reasons=["H02"], user_id=user_id)  # may apply again at once
        start(user_id, at)
        unchanged(refused, OpenApplicationExists, lambda: self.appeal(refused, at))

    def test_only_a_refusal(self, at: datetime) -> None:
        application_id = judged(at, "approve")
        unchanged(application_id, AppealClosed, lambda: self.appeal(application_id, at))


class TestEnds:
    def test_withdrawal_closes_what_was_asked_for(self, at: datetime) -> None:
        application_id = judged(at, "refer")
        supplements.request(application_id=application_id, items=[("income_proof", "工资")], by="staff:1", at=at)
        applications.withdraw(application_id=application_id, by="user:1", at=at)
        found = row(application_id)
        assert (found.status, found.reasons, found.closed_at) == ("WITHDRAWN", ["B01"], at)
        assert found.supplements.get().closed_at == at

    def test_expiry_says_which_lifetime(self, at: datetime) -> None:
        application_id = judged(at, "refer")
        applications.expire(application_id=application_id, reason="B02", at=at)
        assert (row(application_id).status, row(application_id).reasons) == ("EXPIRED", ["B02"])
        last = Event.objects.filter(application_id=application_id).latest("id")
        assert (last.source, last.target, last.actor, last.reason) == ("REFERRED", "EXPIRED", "system", "B02")

    def test_terms_of_an_undecided_one_are_not_there(self, at: datetime) -> None:
        with pytest.raises(WrongState):
            applications.terms_of(row(submitted(at)))
