"""Verdicts against the machine name what they are against; many of one rule become a draft with a backtest, once."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from lending import queries as lending
from lending.rules.terms import Terms
from lending.services import applications
from review import services
from review.models import Override, OverrideBrief
from review.services import feedback
from risk import services as risk
from risk.models import Assessment, Backtest, Decision, Draft, Release
from risk.rules import sample, strategy
from risk.services import authoring, configuration, decisions, releases
from tests.factories.applications import judged, submitted
from tests.unit.review.conftest import Desk
from users.models import Notice

RULE = "rule:credit_rules.several_lenders"
pytestmark = pytest.mark.usefixtures("strategies")


@pytest.fixture
def strategies(desk: Desk) -> None:
    with transaction.atomic():
        configuration.load(at=desk.clock.at)


def referred(desk: Desk, **known: Any) -> int:
    """A case whose application the shipped credit flow decided about: by default seven other applications, P01."""
    with sample.PATH.open(encoding="utf-8") as file:
        row = sample.read(file)[2]
    values = strategy.inputs_of(row) | {"applications_30d": 7} | known
    at = desk.clock.at
    application_id = submitted(at)
    assessment = risk.start_assessment(application_id=application_id, at=at)
    decision = decisions.decide(
        assessment=Assessment.objects.get(pk=assessment), scenario="credit", step="credit", role="decide",
        values=values, defaults={"earlier_reasons": [], "earlier_tags": []}, product_code="LINE", channel_code="OWN",
        spend_cents=0, at=at,
    )  # fmt: skip
    return desk_case(desk, application_id, decision)


def desk_case(desk: Desk, application_id: int, decision: Decision) -> int:
    applications.record_verdict(
        application_id=application_id,
        outcome="refer",
        terms=Terms(1_000_000, 12, Decimal("0.18"), "equal_instalment"),
        grade="C",
        reasons=decision.reasons or ["S03"],
        decision_id=decision.pk,
        at=desk.clock.at,
    )
    return services.open_or_resume_case(application_id=application_id, at=desk.clock.at)


def approved(desk: Desk, **known: Any) -> int:
    with transaction.atomic():
        case_id = referred(desk, **known)
        at_final(desk, case_id)
        desk.decide(case_id, "sun", reasons=("V03", "P01"))
    return case_id


def at_final(desk: Desk, case_id: int) -> None:
    assert desk.claim("zhao", desk.view(case_id).queue) == case_id
    desk.recommend(case_id, "zhao", reasons=("V03", "P01"))
    assert desk.claim("sun", desk.view(case_id).queue) == case_id


class TestKeep:
    def test_an_approval_names_its_flags_and_so_the_rule_behind_them(self, desk: Desk) -> None:
        case_id = referred(desk)
        at_final(desk, case_id)
        with pytest.raises(feedback.FlagNotNamed, match="P01"):
            desk.decide(case_id, "sun", reasons=("V03",))
        assert not Override.objects.exists()
        desk.decide(case_id, "sun", reasons=("V03", "P01"))
        row = Override.objects.get()
        assert (row.subject, row.outcome, row.case_id) == (RULE, "approve", case_id)
        assert (row.reviewer_id, row.decision_id) == (desk.staff["sun"], desk.application(case_id).decision_id)

    def test_or_names_the_rule_itself(self, desk: Desk) -> None:
        case_id = referred(desk)
        at_final(desk, case_id)
        desk.decide(case_id, "sun", reasons=("V03",), disagrees=[RULE])
        assert Override.objects.get().subject == RULE

    def test_refuses_what_the_machine_did_not_say(self, desk: Desk) -> None:
        case_id = referred(desk)
        at_final(desk, case_id)
        with pytest.raises(feedback.UnknownChoice):
            desk.decide(case_id, "sun", reasons=("V03", "P01"), disagrees=["rule:credit_rules.many_lenders"])
        assert desk.row(case_id).status == "IN_FINAL"

    @pytest.mark.parametrize(("reasons", "kept"), [(("S03",), True), (("F04",), False), (("S03", "H02"), False)])
    def test_a_decline_of_what_the_score_liked_is_against_the_score_unless_for_a_fact(
        self, desk: Desk, reasons: tuple[str, ...], kept: bool
    ) -> None:
        case_id = referred(desk, applications_30d=1, sources_dead_refer=1)
        decision = Decision.objects.get()
        assert decision.grade in feedback.LIKED_GRADES, decision.grade
        assert desk.claim("chen", desk.view(case_id).queue) == case_id
        desk.recommend(case_id, "chen")
        desk.clock.at += timedelta(minutes=1)
        assert desk.claim("zhao", desk.view(case_id).queue) == case_id
        desk.decide(case_id, "zhao", "decline", reasons)
        assert [row.subject for row in Override.objects.all()] == (["score:credit"] if kept else [])

    def test_what_agrees_with_the_machine_keeps_nothing(self, desk: Desk) -> None:
        case_id = desk.in_final()
        desk.decide(case_id, "zhao", "decline", ("S03",))
        assert not Override.objects.exists()


class TestChoices:
    def test_are_the_rules_that_hit_and_the_score(self, desk: Desk) -> None:
        case = desk.row(referred(desk))
        application = lending.application(case.application_id)
        found = feedback.choices(decision_id=application.decision_id, reasons=application.reasons)
        assert [choice.subject for choice in found] == [RULE, "score:credit"]
        assert found[0].reason == "P01"

    def test_are_the_reasons_where_the_decision_is_not_known(self) -> None:
        assert feedback.choices(decision_id=None, reasons=["P01"]) == (feedback.Choice("reason:P01", "P01", "P01"),)


def cut_offs(graph: Any) -> dict[str, str]:
    """The cell of each grade."""
    table = next(node["content"] for node in graph["nodes"] if node["id"] == "grade")
    return {row["grade-out-grade"].strip('"'): row["grade-in-card.score"] for row in table["rules"]}


def unchanged(draft: Draft, desk: Desk) -> int:
    """The draft as it was before the proposal."""
    with transaction.atomic():
        saved = risk.save_draft(
            draft_id=draft.pk, revision=draft.revision, authored=draft.base.graph, by="system", at=desk.clock.at
        )  # type: ignore[union-attr]
    return saved.pk


@pytest.mark.django_db(transaction=True)
class TestRunFeedback:
    def test_hands_over_a_draft_with_cases_and_a_backtest_once(self, desk: Desk) -> None:
        for _ in range(4):
            approved(desk)
        assert feedback.run_feedback(at=desk.clock.at) == 0
        approved(desk)
        desk.clock.at += timedelta(minutes=1)
        assert [feedback.run_feedback(at=desk.clock.at) for _ in range(2)] == [1, 0]
        brief, draft = OverrideBrief.objects.get(), Draft.objects.get()
        assert (brief.subject, brief.counted, brief.draft_id) == (RULE, 5, draft.pk)
        assert brief.overrides.count() == 5
        assert (draft.key, draft.state) == ("credit_rules", "open")
        assert "5 approve" in draft.notes
        assert draft.base is not None
        moved = [
            (now["id"], was["action"], now["action"])
            for was, now in zip(draft.base.authored["rules"], draft.authored["rules"], strict=True)
            if was != now
        ]
        assert moved == [("several_lenders", "refer", "tag")]
        assert "Proposed: the rule several_lenders moves from refer to tag." in draft.notes
        assert "Proposed: the rule several_lenders" in brief.told
        added = draft.tests[len(draft.base.tests) :]
        assert len(added) == 5
        assert added[0]["expect"] == {"outcome": "approve"}
        assert added[0]["inputs"]["applications_30d"] == 7
        ran = authoring.run_tests(draft_id=draft.pk, tests=added)
        assert [result.passed for result in ran.results] == [True] * 5
        backtest = Backtest.objects.get()
        assert (brief.backtest_id, backtest.draft_id, backtest.row_count) == (backtest.pk, draft.pk, 5)
        assert backtest.baseline == draft.base
        assert releases.latest("credit_rules") == draft.base, "nothing is released by itself"
        assert Notice.objects.get(kind="overrides_many").subject == f"overridebrief:{brief.pk}"

    def test_of_a_score_moves_the_cut_off_over_what_was_declined(self, desk: Desk) -> None:
        with transaction.atomic():
            case_id = referred(desk, applications_30d=1, sources_dead_refer=1)
        decision = Decision.objects.get()
        assert decision.score is not None
        values = {"case_id": case_id, "subject": "score:credit", "outcome": "decline", "decision_id": decision.pk}
        row = Override.objects.create(**values, reviewer_id=desk.staff["zhao"], created_at=desk.clock.at)
        self.more(row, 4)
        desk.clock.at += timedelta(minutes=1)
        assert feedback.run_feedback(at=desk.clock.at) == 1
        brief, draft = OverrideBrief.objects.get(), Draft.objects.get()
        assert draft.base is not None
        assert (draft.key, draft.state) == ("credit", "open")
        was, now = (cut_offs(graph) for graph in (draft.base.graph, draft.authored))
        assert {grade: (was[grade], now[grade]) for grade in was if was[grade] != now[grade]} == {
            decision.grade: (was[decision.grade], f">= {decision.score + 1}")
        }
        assert f"the cut-off of grade {decision.grade} moves" in brief.told
        added = draft.tests[len(draft.base.tests) :]
        ran = authoring.run_tests(draft_id=draft.pk, tests=added)
        assert [(result.passed, result.error) for result in ran.results] == [(True, "")] * len(added)
        before = authoring.run_tests(draft_id=unchanged(draft, desk), tests=added)
        assert not any(result.passed for result in before.results)
        assert Backtest.objects.get().baseline == draft.base

    def test_again_only_for_as_many_new_ones_after_the_window(self, desk: Desk) -> None:
        row = Override.objects.get(case=approved(desk))
        self.more(row, 9)
        assert feedback.run_feedback(at=desk.clock.at) == 1
        self.more(row, 5, desk.clock.at + timedelta(days=1))
        assert feedback.run_feedback(at=desk.clock.at + timedelta(days=2)) == 0, "within the window"
        assert feedback.run_feedback(at=desk.clock.at + timedelta(days=30, minutes=1)) == 1

    def test_leaves_a_draft_that_somebody_writes(self, desk: Desk) -> None:
        row = Override.objects.get(case=approved(desk))
        with transaction.atomic():
            mine = risk.fork_release(
                release_id=Release.objects.get(key="credit_rules").pk, by="system", at=desk.clock.at
            )
        self.more(row, 5)
        assert feedback.run_feedback(at=desk.clock.at) == 1
        mine.refresh_from_db()
        assert (mine.revision, mine.notes, OverrideBrief.objects.get().draft_id) == (1, "", mine.pk)

    def more(self, row: Override, count: int, at: Any = None) -> None:
        """The same override in as many other cases."""
        for _ in range(count):
            when = at or row.created_at
            with transaction.atomic():
                case_id = services.open_or_resume_case(application_id=judged(when, "refer", grade="C"), at=when)
            Override.objects.create(
                case_id=case_id, subject=row.subject, outcome=row.outcome, decision_id=row.decision_id,
                reviewer_id=row.reviewer_id, created_at=when,
            )  # fmt: skip
