"""What becomes of a pull: quarantined and read again, reused for the same question only, deleted after its time."""

import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from risk import queries, services
from risk.models import Assessment, AssessmentState, DataPull, Decision, PullState, Variable
from risk.queries import lineage
from risk.services import answers, assessments, pulls, register
from tests.factories import borrowers
from tests.factories.applications import submitted
from tests.factories.staff import officer
from tests.sandbox_server import SandboxClient
from tests.unit.risk.conftest import Apply, assessment
from users.models import Consent, Device, Notice, Source, StaffAct, Tag, User
from users.services import consents, tags


def run(assessment_id: int, at: datetime) -> Any:
    services.run_assessment(assessment_id=assessment_id, now=at)
    return assessment(assessment_id)


def expect(name: str, type_: str) -> None:
    """As if the catalogue had always said so, wherever decisions read it."""
    Variable.objects.filter(name=name).update(type=type_)


def pull(done: Any, code: str) -> DataPull:
    return DataPull.objects.get(assessment=done, source_code=code)


class TestQuarantine:
    def test_a_fallbacks_answer_of_another_type_is_kept_and_the_run_ends(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        sandbox.control("bureau", error_rate=1)
        expect("open_credits", "text")
        done = run(apply(3), at)
        assert (done.state, done.application.reasons) == (AssessmentState.DONE, ["N01"])
        row = pull(done, "bureau_b")
        assert (row.state, row.quarantined, row.price_cents) == (PullState.DEAD, True, 350)
        assert row.failure == "malformed: bureau.open_credits: int is no text"
        assert row.payload is not None
        told = Notice.objects.get(kind="answer_quarantined")
        assert told.subject == "source:bureau_b"
        assert Notice.objects.get(kind="source_dead").subject == "source:bureau"

        by, why = officer(at), {"reason": "the catalogue was wrong", "at": at}
        with pytest.raises(answers.StillUnreadable), transaction.atomic():
            answers.read_again(pull_id=row.pk, by=by, **why)
        expect("open_credits", "int")
        answers.read_again(pull_id=row.pk, by=by, **why)
        row.refresh_from_db()
        assert (row.state, row.quarantined, row.failure) == (PullState.ANSWERED, False, "")
        assert StaffAct.objects.get(act="read_again").subject == f"pull:{row.pk}"
        with pytest.raises(answers.NotQuarantined), transaction.atomic():
            answers.read_again(pull_id=row.pk, by=by, **why)
        found = lineage.line(Decision.objects.filter(assessment=done).latest("pk").pk, "open_credits")
        assert (found.value, found.state) == (None, "later"), "what was decided without it was decided without it"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"quarantined": True},  # an answer that was read
            {"payload": None},  # gone, and nobody says when
            {"purged_at": datetime(2026, 3, 3).astimezone()},  # gone, they say, and here it is
        ],
    )
    def test_the_database_keeps_the_columns_together(
        self, apply: Apply, at: datetime, sandbox: SandboxClient, wrong: dict[str, Any]
    ) -> None:
        row = pull(run(apply(3), at), "bureau")
        with pytest.raises(IntegrityError, match="risk_pull_"), transaction.atomic():
            DataPull.objects.filter(pk=row.pk).update(**wrong)


class TestReuse:
    def test_holds_for_what_was_asked_and_no_other(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        first = run(apply(4), at)
        application = first.application
        application.reapply_at = at
        application.save(update_fields=["reapply_at"])
        user = User.objects.get(pk=first.user_id)
        user.phone = "+8613912345678"
        user.save(update_fields=["phone"])
        later = at + timedelta(days=8)
        again = submitted(later, user_id=first.user_id, product_code="LINE", amount_cents=1_000_000, months=12)
        second = run(services.start_assessment(application_id=again, at=later), later)
        reused = DataPull.objects.filter(assessment=second, reused_from__isnull=False)
        assert set(reused.values_list("source_code", flat=True)) == {"bureau", "bankflow"}, "operator is asked by phone"

    def test_a_fallbacks_answer_lives_as_long_as_the_fallback_says(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        begun = begin(assessment(apply(3)), at)
        source = replace(begun.sources["bureau"], fresh_days=30)
        row = pulls._new_row(begun, source, "bureau", "credit")
        assert row is not None
        former = DataPull(
            answers_for="bureau",
            source_code="bureau_b",
            subject_index=row.subject_index,
            settled_at=at - timedelta(days=3),
        )
        begun.earlier = [former]
        for days, found in ((30, former), (2, None), (0, None)):
            begun.sources = {**begun.sources, "bureau_b": replace(begun.sources["bureau_b"], fresh_days=days)}
            assert pulls._still_fresh(begun, row, source, "credit") is found, days


def begin(row: Assessment, at: datetime) -> pulls.Pulls:
    return assessments._gather(row, at).pulls


class TestSwitchedOff:
    def test_leaves_its_question_to_its_fallback(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        Source.objects.filter(code="bureau").update(enabled=False)
        done = run(apply(3), at)
        row = pull(done, "bureau_b")
        assert (done.outcome, row.state, row.answers_for) == ("approve", PullState.ANSWERED, "bureau")
        assert (sandbox.calls("bureau"), len(sandbox.calls("bureau_b")), "bureau" in done.skipped) == ([], 1, False)

    def test_is_silent_where_its_fallback_is(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        Source.objects.filter(code="bureau").update(enabled=False)
        sandbox.control("bureau_b", error_rate=1)
        assert run(apply(3), at).application.reasons == ["N01"]

    def test_with_its_fallback_it_is_not_asked(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        Source.objects.filter(code__in=["bureau", "bureau_b"]).update(enabled=False)
        done = run(apply(3), at)
        assert (done.skipped["bureau"], "bureau_b" in done.skipped) == ("switched_off", False)
        assert not DataPull.objects.filter(assessment=done, answers_for="bureau").exists()

    def test_a_worker_that_died_before_the_fallback_was_asked_is_followed_by_one_that_asks(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        sandbox.control("bureau", error_rate=1)
        Source.objects.filter(code="bureau").update(pause_ms=1, fallback=None)
        row = assessment(apply(3))
        stage = assessments._gather(row, at).pulls
        pulls.run_stage(pulls=stage, sources=[stage.sources["bureau"]], scenario="credit")
        Source.objects.filter(code="bureau").update(fallback=Source.objects.get(code="bureau_b"))
        assert run(row.pk, at).outcome == "approve"
        assert pull(row, "bureau_b").state == PullState.ANSWERED


class TestClaim:
    def test_a_consent_withdrawn_meanwhile_stops_its_source_alone(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        row = assessment(apply(3))
        begun = begin(row, at)
        given = Consent.objects.get(user_id=row.user_id, code="operator")
        consents.withdraw(user_id=row.user_id, consent_id=given.pk, by=f"user:{row.user_id}", at=at)
        asked = [begun.sources["operator"], begun.sources["multi_lender"]]
        pulls.run_stage(pulls=begun, sources=asked, scenario="credit")
        assert set(begun.rows) == {"multi_lender"}
        assert row.skipped == {"operator": "no_consent"}
        assert sandbox.calls("operator") == []

    def test_what_another_worker_settled_stands(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        row = assessment(apply(3))
        begun, other = begin(row, at), begin(row, at)
        (question,) = pulls._claim(begun, [(begun.sources["bureau"], "bureau")], "credit")
        late = {question.pull_id: DataPull.objects.get(pk=question.pull_id)}
        other.rows = {"bureau": late[question.pull_id]}
        answers.settle({question.pull_id: begun.rows["bureau"]}, [_answer(question.pull_id, {"data": {}})], at)
        answers.settle(late, [_answer(question.pull_id, None, "timeout: late")], at)
        assert late[question.pull_id].state == PullState.ANSWERED
        assert not Notice.objects.exists()


def _answer(pull_id: int, payload: dict[str, Any] | None, failure: str = "") -> Any:
    from risk.services.calls import Answer

    return Answer(pull_id, payload, failure, 350, 10)


class TestDevice:
    """Its vendor is asked about a device that is known, lately seen and consented to, and is told nothing else."""

    @pytest.mark.parametrize(
        ("ago", "withdrawn", "market", "skipped"),
        [
            (0, False, "CN", None),
            (89, False, "CN", None),
            (90, False, "CN", "no_device"),
            (None, False, "CN", "no_device"),
            (0, False, "XX", "no_device"),
            (0, True, "CN", "no_consent"),
        ],
    )
    def test_is_asked_about_or_not(
        self,
        apply: Apply,
        at: datetime,
        sandbox: SandboxClient,
        settings: Any,
        ago: int | None,
        withdrawn: bool,
        market: str,
        skipped: str | None,
    ) -> None:
        row = assessment(apply(3))
        borrowers.device(row.user_id, at)
        seen = Device.objects.filter(user_id=row.user_id)
        if ago is None:
            seen.delete()
        else:
            seen.update(last_seen_at=at - timedelta(days=ago))
        if withdrawn:
            given = Consent.objects.get(user_id=row.user_id, code="device")
            consents.withdraw(user_id=row.user_id, consent_id=given.pk, by=f"user:{row.user_id}", at=at)
        settings.MARKET = market
        begun = assessments._gather(row, at).pulls
        pulls.run_stage(pulls=begun, sources=[begun.sources["device"]], scenario="antifraud")
        assert row.skipped.get("device") == skipped
        calls = sandbox.calls("device")
        assert [call["body"]["subject"] for call in calls] == ([] if skipped else [{"device_id": "d" * 32}])
        assert begun.values().get("device_accounts_7d") == (None if skipped else 1)

    def test_used_by_many_accounts_is_looked_at(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        row = assessment(apply(3))
        borrowers.device(row.user_id, at, "shared-0001")
        done = run(row.pk, at)
        assert (done.application.status, done.application.reasons) == ("REFERRED", ["F02"])
        assert done.skipped == {}


class TestLease:
    def test_goes_with_the_time_that_the_run_takes(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        row = assessment(apply(3))
        run_ = assessments._gather(row, at)
        run_.keep()
        assert assessment(row.pk).leased_until is None, "young: nothing to renew"
        run_.started = run_.kept = time.monotonic() - 60
        run_.keep()
        left = assessment(row.pk).leased_until
        assert left is not None
        assert 149 <= (left - at).total_seconds() <= 155
        Assessment.objects.filter(pk=row.pk).update(attempts=row.attempts + 1)
        run_.kept -= 60
        with pytest.raises(assessments._NotOurs):
            run_.keep()


class TestRetention:
    def test_deletes_the_raw_answer_and_leaves_what_was_decided(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        done = run(apply(3), at)
        kept = [source.retention_days for source in register.asked().values()]
        assert answers.run_retention(now=at + timedelta(days=min(kept))) == 0
        after = at + timedelta(days=max(kept), hours=1)
        assert answers.run_retention(now=after) == DataPull.objects.filter(assessment=done).count()
        row = pull(done, "bureau")
        assert (row.payload, row.purged_at, row.state) == (None, after, PullState.ANSWERED)
        decisions = queries.decisions_of(done.application_id)
        assert all(services.replay(decision_id=each.id).same for each in decisions)
        found = lineage.line(decisions[-1].id, "open_credits")
        assert (found.state, found.agrees, found.origin_pull_id) == ("purged", None, None)
        assert found.value is not None


class TestTags:
    def test_name_the_decision_and_live_the_longer(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        done = run(apply(3, without=("bankflow",)), at)
        tag = Tag.objects.get(user_id=done.user_id, tag="score_incomplete")
        assert tag.source == f"decision:{done.application.decision_id}"
        until = tag.expires_at
        tags.put(user_id=done.user_id, tag=tag.tag, source="x", expires_at=at + timedelta(days=1), at=at)
        assert Tag.objects.get(pk=tag.pk).expires_at == until
        longer = at + timedelta(days=900)
        tags.put(user_id=done.user_id, tag=tag.tag, source="x", expires_at=longer, at=at)
        assert Tag.objects.get(pk=tag.pk).expires_at == longer
