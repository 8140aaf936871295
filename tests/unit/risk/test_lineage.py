"""From an input of a decision to the raw answer it came from: first hand, second hand, by a fallback, or not at all."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from lending.common.errors import NotFound
from review.models import Recusal, Reviewer
from risk import services
from risk.models import DataPull, Decision, Variable
from risk.queries.lineage import Line, line, lineage
from risk.queries.variables import OWN
from risk.services.lineage import NoRawAnswer, reveal
from tests.factories.applications import submitted
from tests.sandbox_server import SandboxClient
from tests.unit.risk.conftest import Apply
from users.models import AccessLog, Check, Consent, Source, StaffAct
from users.services import configuration
from users.services.acts import ReasonRequired


@pytest.fixture(autouse=True)
def _sandbox(sandbox: SandboxClient) -> None: ...


def decided(assessment_id: int, at: datetime, step: str = "credit") -> Decision:
    services.run_assessment(assessment_id=assessment_id, now=at)
    return Decision.objects.get(assessment_id=assessment_id, step=step)


def again(first: Decision, later: datetime) -> Decision:
    """The same borrower applies once more."""
    application = first.assessment.application
    application.reapply_at = later
    application.save(update_fields=["reapply_at"])
    user_id = first.assessment.user_id
    pk = submitted(later, user_id=user_id, product_code="LINE", amount_cents=1_000_000, months=12)
    return decided(services.start_assessment(application_id=pk, at=later), later)


class TestAnAnswer:
    def test_names_source_price_consent_and_age(self, apply: Apply, at: datetime) -> None:
        row = decided(apply(3), at)
        found = line(row.pk, "overdue_now_cents")
        consent = Consent.objects.get(user_id=row.assessment.user_id, code="bureau_query")
        pull = DataPull.objects.get(source_code="bureau")
        assert (found.state, found.vendor, found.recipient) == ("answered", "bureau", "bureau")
        assert (found.path, found.price_cents, found.unit) == ("overdue_now_cents", 350, "cents")
        assert found.consent is not None
        assert (found.consent.id, found.consent.given_at) == (consent.pk, consent.given_at)
        assert (found.age_days, found.agrees, found.defaulted) == (0, True, False)
        assert found.pull_id == found.origin_pull_id == pull.pk

    def test_of_every_input_agrees_with_the_decision(self, apply: Apply, at: datetime) -> None:
        row = decided(apply(3), at)
        for each in Decision.objects.filter(assessment=row.assessment):
            lines = lineage(each.pk).lines
            assert {found.state for found in lines} <= {"answered", "own", "no_consent", "later"}
            assert [found.name for found in lines if found.agrees is False] == []
            silent = {found.name for found in lines if found.state in ("later", "no_consent")}
            assert {found.name for found in lines if found.value is None and found.state != "own"} == silent

    def test_of_a_fallback_is_the_fallbacks(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        sandbox.control("bureau", error_rate=1)
        found = line(decided(apply(3), at).pk, "credit_history")
        assert (found.state, found.source, found.vendor) == ("answered", "bureau", "bureau_b")
        assert found.vendor_name == Source.objects.get(code="bureau_b").name_en
        assert found.note.startswith("in place of bureau, which gave no answer (http_500")
        assert (found.price_cents, found.agrees) == (350, True)

    @pytest.mark.parametrize("first_hand", [True, False])
    def test_used_again_is_told_from_its_first_time(
        self, apply: Apply, at: datetime, sandbox: SandboxClient, first_hand: bool
    ) -> None:
        if not first_hand:
            sandbox.control("bureau", error_rate=1)
        first = decided(apply(4), at)
        second = again(first, at + timedelta(days=8))
        origin = line(first.pk, "credit_history")
        found = line(second.pk, "credit_history")
        assert (found.state, found.vendor) == ("reused", "bureau" if first_hand else "bureau_b")
        assert (found.price_cents, found.paid_then_cents, found.age_days) == (0, 350, 8)
        assert (found.origin_pull_id, found.agrees) == (origin.pull_id, True)
        assert found.pull_id not in (None, origin.pull_id)
        assert (found.consent, found.consent_then) == (origin.consent, origin.consent)
        fresh = line(second.pk, "applications_30d")
        assert (fresh.state, fresh.price_cents, fresh.age_days) == ("answered", 120, 0)

    def test_of_a_check_is_the_checks(self, apply: Apply, at: datetime) -> None:
        assessment_id = apply(3)
        Check.objects.filter(kind="id2").update(
            checked_at=at - timedelta(days=3), price_cents=20, source=Source.objects.get(code="id2_b")
        )
        found = line(decided(assessment_id, at, "admission").pk, "identity_state")
        assert (found.state, found.vendor, found.age_days, found.price_cents) == ("answered", "id2_b", 3, 20)
        assert found.check_id == Check.objects.get(kind="id2").pk
        assert found.consent is not None
        assert found.consent.code == "identity"


class TestNoAnswer:
    def test_of_a_source_that_died_says_why_and_what_it_cost(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        Source.objects.filter(code="multi_lender").update(timeout_ms=300)
        sandbox.control("multi_lender", timeout_rate=1)
        row = decided(apply(3), at)
        found = line(row.pk, "applications_30d")
        assert (found.value, found.state, found.vendor, found.origin_pull_id) == (None, "dead", "multi_lender", None)
        assert (found.price_cents, found.note.startswith("multi_lender: timeout")) == (120, True)
        with pytest.raises(NoRawAnswer):
            reveal(decision_id=row.pk, name="applications_30d", by="staff:1", reason="to see it", at=at)
        assert not AccessLog.objects.exists()

    def test_for_want_of_a_consent_or_of_a_switch(self, apply: Apply, at: datetime) -> None:
        Source.objects.filter(code__in=["phone3", "phone3_b"]).update(enabled=False)
        row = decided(apply(3, without=("operator",)), at)
        assert line(row.pk, "work_months").state == "no_consent"
        antifraud = Decision.objects.get(assessment=row.assessment, step="antifraud")
        assert line(antifraud.pk, "phone_match").state == "switched_off"

    def test_because_the_step_came_before_the_source(self, apply: Apply, at: datetime) -> None:
        """A run has one instant, so times do not tell what a knock-out had seen."""
        row = decided(apply(3), at, "credit after stage 2")
        assert line(row.pk, "applications_30d").state == "answered"
        later = line(row.pk, "checking")
        assert (later.value, later.state, later.origin_pull_id) == (None, "later", None)
        assert later.pull_id == DataPull.objects.get(source_code="bankflow").pk

    def test_of_a_later_source_that_died_is_no_death_before_it(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        sandbox.control("bankflow", error_rate=1)
        row = decided(apply(3), at)
        before = Decision.objects.get(assessment=row.assessment, step="credit after stage 2")
        assert (line(before.pk, "checking").state, line(row.pk, "checking").state) == ("later", "dead")

    def test_because_nothing_came_to_it(self, apply: Apply, at: datetime) -> None:
        assert line(decided(apply(45), at, "credit after stage 2").pk, "checking").state == "not_asked"


class TestOtherInputs:
    def test_own_records_say_which(self, apply: Apply, at: datetime) -> None:
        row = decided(apply(3), at)
        told = {
            found.name: (found.state, found.own)
            for each in Decision.objects.filter(assessment=row.assessment)
            for found in lineage(each.pk).lines
        }
        assert told["declared_income_cents"] == ("own", OWN["profile"])
        assert told["open_loans"] == ("own", OWN["history"])
        assert told["device_borrowers_7d"] == ("own", OWN["velocity"])
        assert told["listed_phone"] == ("own", OWN["lists"])

    def test_a_default_is_told_from_an_answer(self, apply: Apply, at: datetime) -> None:
        Variable.objects.filter(name="work_months").update(default=12)
        row = decided(apply(3, without=("operator",)), at)
        found = line(row.pk, "work_months")
        assert (found.value, found.state, found.defaulted, found.agrees) == (12, "no_consent", True, None)

    def test_what_left_the_catalogue_is_still_told(self, apply: Apply, at: datetime) -> None:
        row = decided(apply(3), at)
        before = line(row.pk, "checking")
        Variable.objects.filter(name="checking").delete()
        found = line(row.pk, "checking")
        assert (found.value, found.state) == (before.value, "unlisted")
        with pytest.raises(NotFound):
            line(row.pk, "shoe_size")
        with pytest.raises(NotFound):
            lineage(0)

    def test_a_path_that_changed_since_does_not_pass_for_the_old_one(self, apply: Apply, at: datetime) -> None:
        row = decided(apply(3), at)
        Variable.objects.filter(name="checking").update(path="savings")
        assert line(row.pk, "checking").agrees is False
        Variable.objects.filter(name="checking").update(path="gone.away")
        gone = line(row.pk, "checking")
        assert (gone.state, gone.agrees) == ("absent", False)


class TestReveal:
    def test_logs_first_and_shows_nothing_beside_the_path(self, apply: Apply, at: datetime) -> None:
        row = decided(apply(3), at)
        with pytest.raises(ReasonRequired):
            reveal(decision_id=row.pk, name="work_months", by="staff:7", reason="x", at=at)
        shown = reveal(decision_id=row.pk, name="work_months", by="staff:7", reason="a complaint", at=at)
        assert shown.part == {"data": {"places": {"work_months": line(row.pk, "work_months").value}}}
        assert shown.request_id == DataPull.objects.get(source_code="operator").key
        kept = AccessLog.objects.get()
        assert (kept.by, kept.reason, kept.at) == ("staff:7", "a complaint", at)
        assert (kept.subject, kept.fields) == (f"user:{row.assessment.user_id}", ["operator.places.work_months"])

    def test_of_an_answer_used_again_opens_the_first_one(self, apply: Apply, at: datetime) -> None:
        first = decided(apply(4), at)
        second = again(first, at + timedelta(days=8))
        shown = reveal(decision_id=second.pk, name="credit_history", by="staff:7", reason="a complaint", at=at)
        assert shown.request_id == f"pull-{first.assessment_id}-bureau"
        assert shown.part == {"data": {"credit_history": line(second.pk, "credit_history").value}}


class TestPages:
    """Analysts see where an input came from; reviewers may also read the raw answer."""

    @pytest.fixture
    def row(self, apply: Apply, at: datetime) -> Decision:
        configuration.load_groups()
        configuration.load_staff(at=at, password="demo-only-2026")
        return decided(apply(11), at)

    def desk(self, username: str) -> Client:
        client = Client()
        client.force_login(get_user_model().objects.get(username=username))
        return client

    def address(self, row: Decision, name: str) -> str:
        return reverse("admin:risk_decision_lineage", args=[row.pk, name])

    def test_a_decision_lists_its_inputs_with_links(self, row: Decision) -> None:
        page = self.desk("analyst.lin").get(reverse("admin:risk_decision_change", args=[row.pk])).content.decode()
        for found in lineage(row.pk).lines:
            assert self.address(row, found.name) in page
        assert "Credit report" in page
        assert "bureau_query" in page

    @pytest.mark.parametrize("name", ["credit_history", "declared_income_cents", "earlier_tags"])
    def test_an_input_has_a_page(self, row: Decision, name: str) -> None:
        page = self.desk("analyst.lin").get(self.address(row, name))
        assert page.status_code == 200
        assert "Record and show" not in page.content.decode()

    def test_the_raw_answer_is_for_those_who_may_and_say_why(self, row: Decision, at: datetime) -> None:
        address = self.address(row, "verified_income_cents")
        assert self.desk("analyst.lin").post(address, {"reason": "curious, no more"}).status_code == 403
        assert not AccessLog.objects.exists()
        reviewer = self.desk("initial.chen")
        raw = f"&quot;net_income_cents&quot;: {lineage_value(row, 'verified_income_cents')}"
        assert raw not in reviewer.get(address).content.decode()
        assert raw not in reviewer.post(address, {"reason": "x"}).content.decode()
        answer = reviewer.post(address, {"reason": "income is in doubt"})
        assert raw in answer.content.decode()
        assert "current_account" not in answer.content.decode()
        assert "no-store" in answer["Cache-Control"]
        assert AccessLog.objects.get().fields == ["bankflow.net_income_cents"]
        chen = get_user_model().objects.get(username="initial.chen")
        Reviewer.objects.create(user=chen, level=1)
        Recusal.objects.create(reviewer=chen, borrower_id=row.assessment.user_id, relation="declared", created_at=at)
        refused = reviewer.post(address, {"reason": "curious about a friend"}).content.decode()
        assert (raw in refused, "Another reviewer must take this case" in refused) == (False, True)
        assert StaffAct.objects.get(act="reveal_refused").reason == "bankflow.net_income_cents: curious about a friend"
        assert AccessLog.objects.count() == 1

    def test_an_own_record_has_nothing_to_reveal(self, row: Decision) -> None:
        reviewer = self.desk("initial.chen")
        assert reviewer.post(self.address(row, "earlier_tags"), {"reason": "let me see"}).status_code == 403
        assert reviewer.get(self.address(row, "shoe_size")).status_code == 404

    def test_strangers_see_nothing(self, row: Decision) -> None:
        assert self.desk("service.tang").get(self.address(row, "credit_history")).status_code == 403
        assert Client().get(self.address(row, "credit_history")).status_code == 302


def lineage_value(row: Decision, name: str) -> Any:
    found: Line = line(row.pk, name)
    assert found.value is not None
    return found.value
