"""An assessment pulls by stage, decides scenario by scenario, survives its vendors and its own death, and ends once."""

import base64
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from lending.common import reencrypt, remembered
from lending.common.errors import Conflict
from lending.models import ApplicationStatus
from lending.services import applications
from risk import queries, services
from risk.models import AssessmentState, DataPull, Decision, PullState, Release
from risk.queries.lineage import lineage
from risk.rules.strategy import outcomes
from risk.services import assessments, pulls, register
from tests.sandbox_server import SandboxClient
from tests.unit.risk.conftest import Apply, assessment
from users import queries as users
from users.models import Consent, Erasure, Notice, Source
from users.queries import SourceWithoutAddress
from users.services import consents, lists

FIRST = {"phone3", "phone_list", "blacklist", "aml"}
STAGES = [*sorted(FIRST), "multi_lender", "operator", "bureau", "bankflow"]


def run(assessment_id: int, at: datetime) -> Any:
    services.run_assessment(assessment_id=assessment_id, now=at)
    return assessment(assessment_id)


def pulled(assessment_id: int) -> dict[str, str]:
    return dict(DataPull.objects.filter(assessment_id=assessment_id).values_list("source_code", "state"))


class TestRunAssessment:
    def test_gives_each_row_the_verdict_of_the_shipped_strategy(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        from lending.sandbox.applicants import rows

        expected = outcomes([row for row in rows() if row.number in (3, 4, 11, 18, 45, 50)])
        for number, outcome in expected.items():
            done = run(apply(number), at)
            found = queries.decision(done.application.decision_id)
            assert (number, found.scenario, found.outcome, found.reasons) == (
                number,
                outcome.scenario,
                outcome.outcome,
                outcome.reasons,
            )
            assert (found.grade or None, found.score) == (outcome.grade, outcome.score)
            status = {"approve": "GRANTED", "refer": "REFERRED", "decline": "DECLINED"}[outcome.outcome]
            assert done.application.status == status

    def test_offers_limit_price_and_term(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        done = run(apply(3), at)
        terms = (done.application.decided_cents, done.application.decided_months, str(done.application.decided_rate))
        assert terms == (1_050_000, 12, "0.1080")

    def test_pulls_every_stage_and_counts_what_it_spent(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        done = run(apply(3), at)
        assert pulled(done.pk) == dict.fromkeys(STAGES, PullState.ANSWERED)
        prices = sum(Source.objects.filter(code__in=STAGES).values_list("price_cents", flat=True))
        assert done.spend_cents == prices == queries.spend_cents(done.application_id)
        assert done.skipped == {"device": "no_consent"}

    def test_a_decline_stops_dearer_stages(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        by_list, by_lenders = run(apply(18), at), run(apply(45), at)
        assert set(pulled(by_list.pk)) == FIRST
        assert "bureau" not in pulled(by_lenders.pk)
        steps = [decision.step for decision in queries.decisions_of(by_lenders.application_id)]
        assert steps == ["admission", "antifraud", "credit after stage 2"]

    def test_pulls_nothing_for_what_admission_refuses(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        done = run(apply(3, purpose="securities"), at)
        assert (done.application.status, done.application.reasons) == (ApplicationStatus.DECLINED, ["H05"])
        assert pulled(done.pk) == {}

    def test_refuses_a_black_listed_person(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        assessment_id = apply(3)
        person = users.person(assessment(assessment_id).user_id)
        lists.add(kind="black", subject="id_number", value=person.id_number, reason="fraud ring", by="system", at=at)
        assert run(assessment_id, at).application.reasons == ["H07"]

    def test_runs_once(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        done = run(apply(3), at)
        asked = len(sandbox.calls("bureau"))
        assert run(done.pk, at).finished_at == done.finished_at
        assert len(sandbox.calls("bureau")) == asked
        assert Decision.objects.filter(assessment=done).count() == 4

    def test_resumes_from_settled_pulls_after_a_crash(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        """A dead worker leaves a lease, one settled stage and one question on the way."""
        assessment_id = apply(3)
        row = assessment(assessment_id)
        begun = assessments._gather(row, at).pulls
        pulls.run_stage(pulls=begun, sources=[begun.sources["blacklist"], begun.sources["aml"]], scenario="antifraud")
        pulls._claim(begun, [(begun.sources["multi_lender"], "multi_lender")], "credit")
        done = run(assessment_id, at + timedelta(seconds=5))
        assert done.state == AssessmentState.DONE
        assert [len(sandbox.calls(code)) for code in STAGES] == [1] * len(STAGES)

    def test_a_leased_row_is_left_alone(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        assessment_id = apply(3)
        row = assessment(assessment_id)
        row.leased_until = at + timedelta(seconds=30)
        row.save(update_fields=["leased_until"])
        assert run(assessment_id, at).state == AssessmentState.PENDING
        assert run(assessment_id, at + timedelta(seconds=31)).state == AssessmentState.DONE

    def test_a_late_verdict_changes_nothing(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        assessment_id = apply(3)
        application = assessment(assessment_id).application
        applications.withdraw(application_id=application.pk, by=f"user:{application.user_id}", at=at)
        done = run(assessment_id, at)
        assert (done.state, done.application.status) == (AssessmentState.DONE, ApplicationStatus.WITHDRAWN)
        assert done.application.decision_id is None

    def test_a_cancelled_one_is_not_run(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        assessment_id = apply(3)
        services.cancel(application_id=assessment(assessment_id).application_id, at=at)
        assert run(assessment_id, at).state == AssessmentState.CANCELLED
        assert pulled(assessment_id) == {}

    def test_an_answer_still_fresh_is_not_bought_again(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        first = run(apply(4), at)
        from tests.factories.applications import submitted

        application = first.application
        application.reapply_at = at
        application.save(update_fields=["reapply_at"])
        later = at + timedelta(days=8)
        again = submitted(later, user_id=first.user_id, product_code="LINE", amount_cents=1_000_000, months=12)
        second = run(services.start_assessment(application_id=again, at=later), later)
        reused = DataPull.objects.filter(assessment=second, reused_from__isnull=False)
        assert set(reused.values_list("source_code", flat=True)) == {"phone3", "operator", "bureau", "bankflow"}
        assert second.spend_cents == 50 + 60 + 15 + 120
        used = queries.data_used(first.user_id)
        assert {use.state for use in used} == {"answered", "reused", "not_asked"}
        assert {use.source for use in used if use.state == "not_asked"} == {"device"}
        assert {use.reused_from_at for use in used if use.state == "reused"} == {at}

    def test_erasing_empties_the_answers_and_leaves_a_decision_on_figures(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        done = run(apply(3), at)
        person = users.person(done.user_id)
        services.erase(user_id=done.user_id, at=at)
        kept = DataPull.objects.filter(assessment=done, state=PullState.ANSWERED)
        assert {(pull.payload, pull.subject_index, pull.purged_at) for pull in kept} == {(None, "", at)}
        number = done.application.decision_id
        assert services.replay(decision_id=number).same
        inputs = str(queries.decision(number).inputs)
        assert [
            text for text in (person.name, person.phone, person.id_number, person.phone_index) if text in inputs
        ] == []
        assert lineage(number).lines

    def test_its_figures_go_when_nothing_is_kept_of_the_person_any_more(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        pk = apply(3)
        services.run_assessment(assessment_id=pk, now=at)
        user_id = assessment(pk).user_id
        erasure = Erasure.objects.create(user_id=user_id, by="x", erased_at=at, kept=[], keep_until=at.date())
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            services.forget(user_id=user_id)
        Erasure.objects.filter(pk=erasure.pk).update(forgotten_at=at)
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            Decision.objects.update(inputs='{"score": 700}')
        assert services.forget(user_id=user_id) == {"figures of decisions": Decision.objects.count()}
        assert {row.inputs for row in Decision.objects.all()} == {"{}"}
        number = assessment(pk).application.decision_id
        assert (queries.decision(number).inputs, list(lineage(number).lines)) == ({}, [])


class TestVendorFaults:
    def test_a_transient_error_is_tried_again_under_one_key(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        sandbox.control("multi_lender", error_rate=1)
        done = run(apply(3), at)
        assert pulled(done.pk)["multi_lender"] == PullState.DEAD
        keys = [call["body"]["request_id"] for call in sandbox.calls("multi_lender")]
        assert keys == [f"pull-{done.pk}-multi_lender"] * (1 + register.asked()["multi_lender"].retries)
        assert DataPull.objects.get(assessment=done, source_code="multi_lender").price_cents == 0

    @pytest.mark.parametrize(
        ("source", "fault", "failure"),
        [
            ("multi_lender", {"error_rate": 1}, "http_500"),
            ("multi_lender", {"malformed_rate": 1}, "malformed"),
            ("multi_lender", {"timeout_rate": 1}, "timeout"),
        ],
    )
    def test_a_dead_source_whose_absence_a_person_looks_at_refers(
        self, apply: Apply, at: datetime, sandbox: SandboxClient, source: str, fault: dict[str, Any], failure: str
    ) -> None:
        Source.objects.filter(code=source).update(timeout_ms=300)
        sandbox.control(source, **fault)
        done = run(apply(3), at)
        assert (done.application.status, done.application.reasons) == (ApplicationStatus.REFERRED, ["N01"])
        assert DataPull.objects.get(assessment=done, source_code=source).failure.startswith(failure)

    def test_a_dead_source_without_which_nothing_goes_on_declines(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        for code in ("aml", "aml_b"):
            sandbox.control(code, error_rate=1)
        done = run(apply(3), at)
        assert (done.application.status, done.application.reasons) == (ApplicationStatus.DECLINED, ["N01"])
        assert "bureau" not in pulled(done.pk)

    def test_the_second_vendor_answers_for_the_first(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        sandbox.control("bureau", error_rate=1)
        done = run(apply(3), at)
        assert done.application.status == ApplicationStatus.GRANTED
        states = pulled(done.pk)
        assert (states["bureau"], states["bureau_b"]) == (PullState.DEAD, PullState.ANSWERED)

    def test_an_unknown_block_never_makes_a_partial_score(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        done = run(apply(3, without=("bankflow",)), at)
        found = queries.decision(done.application.decision_id)
        assert (found.outcome, found.score, found.reasons, found.grade) == ("refer", None, ("N01",), "D")
        assert {"score_incomplete", "income_unverified"} <= set(found.tags)
        assert queries.sources_silent(done.application_id)["bankflow"] == "no_consent"
        told = {use.source: (use.state, use.consent_code) for use in queries.data_used(done.user_id)}
        assert told["bankflow"] == ("not_asked", "bankflow")

    def test_a_failing_assessment_waits_and_tells_operations(self, apply: Apply, at: datetime, settings: Any) -> None:
        assessment_id = apply(3)
        settings.SANDBOX_URL = settings.VENDOR_BASE_URL = ""
        remembered.forget()  # addresses are read with the register, and settings do not change under a process
        for attempt in range(3):
            with pytest.raises(SourceWithoutAddress):
                services.run_assessment(assessment_id=assessment_id, now=at + timedelta(minutes=attempt))
        row = assessment(assessment_id)
        assert (row.state, row.leased_until) == (AssessmentState.PENDING, None)
        assert row.not_before is not None
        assert Notice.objects.filter(kind="assessment_failing").count() == 1


class TestConsent:
    def test_nothing_is_sent_without_it(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        done = run(apply(3, without=("operator",)), at)
        assert "operator" not in pulled(done.pk)
        assert sandbox.calls("operator") == []

    def test_one_withdrawn_before_the_claim_ends_the_pull(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        assessment_id = apply(3)
        row = assessment(assessment_id)
        begun = assessments._gather(row, at).pulls
        pulls._claim(begun, [(begun.sources["operator"], "operator")], "credit")
        pull = DataPull.objects.get(assessment=row)
        given = Consent.objects.get(user_id=row.user_id, code="operator")
        consents.withdraw(user_id=row.user_id, consent_id=given.pk, by=f"user:{row.user_id}", at=at)
        later = at + timedelta(seconds=120)
        run(assessment_id, later)
        pull.refresh_from_db()
        assert (pull.state, pull.failure) == (PullState.DEAD, "consent_not_live")
        assert sandbox.calls("operator") == []

    @pytest.mark.parametrize("fault", ["another_user", "another_recipient", "withdrawn"])
    def test_the_database_refuses_a_pull_under_a_foreign_or_dead_consent(
        self, apply: Apply, at: datetime, fault: str
    ) -> None:
        row, other = assessment(apply(3)), assessment(apply(7))
        source = users.source("bureau")
        owner = other.user_id if fault == "another_user" else row.user_id
        consent = Consent.objects.get(user_id=owner, code="bureau_query")
        if fault == "withdrawn":
            consents.withdraw(user_id=owner, consent_id=consent.pk, by=f"user:{owner}", at=at)
        pull = DataPull(
            key="x",
            created_at=at,
            assessment=row,
            user_id=row.user_id,
            source_id=source.id,
            source_code="bureau",
            answers_for="bureau",
            stage=3,
            consent=consent,
            recipient="bankflow_vendor" if fault == "another_recipient" else "bureau",
        )
        with pytest.raises(IntegrityError, match="consent_not_live"), transaction.atomic():
            pull.save()
        pull.consent_id = None
        with pytest.raises(IntegrityError, match="consent_id"), transaction.atomic():
            pull.save()


class TestReplay:
    def test_gives_the_same_bytes(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        done = run(apply(11), at)
        for decision in queries.decisions_of(done.application_id):
            told = services.replay(decision_id=decision.id, trace=True)
            assert told.same
            assert told.stored.encode() == told.replayed.encode()
            assert told.trace

    def test_needs_the_release_that_decided(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        """A newer release in force does not change what an older decision says."""
        done = run(apply(11), at)
        later = at + timedelta(minutes=1)
        release_stricter_admission(later)
        decision = queries.decisions_of(done.application_id)[0]
        assert services.replay(decision_id=decision.id).same
        newer = run(apply(13), later)
        assert queries.decisions_of(newer.application_id)[0].release == "admission v2"

    def test_a_decision_cannot_be_changed(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        run(apply(3), at)
        changes = (
            lambda: Decision.objects.update(output="{}"),
            lambda: Decision.objects.all().delete(),
            lambda: Decision.objects.update(inputs='{"other": 1}'),
        )
        for change in changes:
            with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
                change()

    def test_a_newer_key_changes_nothing_that_a_replay_sees(
        self, apply: Apply, at: datetime, sandbox: SandboxClient, settings: Any
    ) -> None:
        done = run(apply(3), at)
        field = Decision._meta.get_field("inputs")
        settings.FIELD_ENCRYPTION_KEYS = [base64.b64encode(bytes(32)).decode(), *settings.FIELD_ENCRYPTION_KEYS]
        found = queries.decisions_of(done.application_id)
        assert sum(reencrypt.column(Decision, field)) == len(found)  # type: ignore[arg-type]
        tests = Release._meta.get_field("tests")
        assert sum(reencrypt.column(Release, tests)) == Release.objects.count()  # type: ignore[arg-type]
        settings.FIELD_ENCRYPTION_KEYS = settings.FIELD_ENCRYPTION_KEYS[:1]
        assert all(services.replay(decision_id=decision.id).same for decision in found)
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            Decision.objects.update(inputs=Decision.objects.first().inputs)  # the same key again is no change of keys


def bind_admission(release: Release, at: datetime) -> None:
    services.bind(scope=services.Scope("admission"), release=release, by="staff:2", reason="as a test", at=at)


def release_stricter_admission(at: datetime) -> Release:
    from risk.rules.strategy import shipped_flows

    flow = next(flow for flow in shipped_flows() if flow.key == "admission")
    flow.graph["nodes"][1]["content"]["rules"][0]["rules-in-age_years"] = "< 21"
    stricter = services.release(flow=flow, form="rule_set", author="staff:1", approver="staff:2", at=at)
    bind_admission(stricter, at)
    return stricter


class TestRelease:
    def test_nobody_releases_what_they_wrote(self, configured: None, at: datetime) -> None:
        from risk.rules.strategy import shipped_flows

        with pytest.raises(Conflict, match="wrote"):
            services.release(flow=shipped_flows()[0], author="staff:1", approver="staff:1", at=at)
        row = Release.objects.latest("pk")
        row.pk, row.version, row.author = None, 99, row.approver
        with pytest.raises(IntegrityError, match="four_eyes"), transaction.atomic():
            row.save()

    def test_the_gate_stands_before_it(self, configured: None, at: datetime) -> None:
        from risk.rules.strategy import shipped_flows
        from risk.services.releases import RefusedByGate

        flow = next(flow for flow in shipped_flows() if flow.key == "admission")
        flow.graph["nodes"][1]["content"]["rules"][0]["rules-in-age_years"] = "< 21)"
        with pytest.raises(RefusedByGate) as refused:
            services.release(flow=flow, author="staff:1", approver="staff:2", at=at)
        assert refused.value.data["problems"][0]["code"] == "broken_cell"

    def test_rolling_back_is_a_new_binding(self, configured: None, at: datetime) -> None:
        from risk.services.releases import in_force

        where: Any = {"scenario": "admission", "role": "decide", "product_code": "LINE", "channel_code": "OWN"}
        first = in_force(**where, at=at)
        assert first
        release_stricter_admission(at + timedelta(hours=1))
        assert first.release
        bind_admission(first.release, at + timedelta(hours=2))
        versions = [in_force(**where, at=at + timedelta(hours=hour)) for hour in (0, 1, 2)]
        assert [found and found.release.version for found in versions] == [1, 2, 1]

    def test_the_configuration_may_be_loaded_again(self, configured: None, at: datetime) -> None:
        from risk.services import configuration

        before = Release.objects.count()
        configuration.load(at=at + timedelta(days=1))
        assert Release.objects.count() == before
