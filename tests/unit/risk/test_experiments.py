"""Challengers, shadows, exemptions, and a scenario that nothing serves: in real assessments."""

import json
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from risk import queries, services
from risk.models import Decision, Exemption, Experiment, Release, ShadowDecision
from risk.rules import arms, comparing
from risk.rules.document import Flow
from risk.rules.jdm import expression, graph, input_node, output_node
from risk.rules.strategy import DATA, schema_of
from risk.services import exemptions, experiments, releases
from risk.services.releases import Scope
from tests.factories.staff import officer
from tests.factories.strategies import stricter_admission
from tests.sandbox_server import SandboxClient
from tests.unit.risk.conftest import Apply, assessment
from users.models import Notice

ADMISSION = Scope("admission")
APPROVED_ROW = 3
PEOPLE = (34, 7, 12, 86)  # of another product than the one above
AGE_RULE = (
    f"admission.{json.loads((DATA / 'rulesets' / 'admission.json').read_text(encoding='utf-8'))['rules'][0]['id']}"
)


def started(
    kind: str, share_bp: int, at: datetime, release: Release | None = None, scope: Scope = ADMISSION
) -> Experiment:
    return services.start_experiment(
        name="Another age",
        kind=kind,
        scope=scope,
        release_id=(release or stricter_admission(at, age=99)).pk,
        share_bp=share_bp,
        by="system",
        reason="as a test",
        at=at,
    )


def bind_stricter(at: datetime) -> None:
    """Nobody is old enough from a second on."""
    services.bind(
        scope=ADMISSION,
        release=stricter_admission(at, age=99),
        by="staff:2",
        reason="as a test",
        at=at,
        begins=at + timedelta(seconds=1),
    )


def admitted(assessment_id: int, at: datetime) -> Decision:
    services.run_assessment(assessment_id=assessment_id, now=at)
    return Decision.objects.get(assessment_id=assessment_id, step="admission")


class TestArms:
    def test_a_larger_share_takes_more_in_and_puts_nobody_out(self) -> None:
        people = [UUID(int=number) for number in range(2_000)]
        tenth = {person for person in people if arms.is_in(person, "salt", 1_000)}
        fifth = {person for person in people if arms.is_in(person, "salt", 2_000)}
        assert tenth < fifth
        assert 150 < len(tenth) < 250
        assert 350 < len(fifth) < 450

    def test_another_salt_spreads_anew(self) -> None:
        person = uuid4()
        assert arms.place(person, "a") == arms.place(person, "a")
        assert len({arms.place(person, str(number)) for number in range(50)}) > 40

    def test_a_difference_that_these_numbers_cannot_show_is_none(self) -> None:
        small, large = comparing.difference(50, 100, 55, 100), comparing.difference(5_000, 10_000, 5_500, 10_000)
        assert small
        assert large
        assert (round(small.points, 6), small.is_clear, large.is_clear) == (5, False, True)
        assert (round(large.low, 2), round(large.high, 2)) == (3.61, 6.39)
        assert comparing.difference(0, 0, 1, 2) is None

    def test_a_difference_has_the_interval_of_the_published_example(self) -> None:
        found = comparing.difference(56, 70, 48, 80)  # Newcombe 1998, table II (a), method 11: 0.0428 to 0.3422
        assert found
        assert (round(found.low, 2), round(found.high, 2)) == (-34.22, -4.28)

    def test_a_handful_is_no_difference_and_none_is_above_all(self) -> None:
        few = comparing.difference(1, 5, 4, 5)
        assert few
        assert (few.is_clear, few.high < 100) == (False, True)


class TestChallenger:
    def test_decides_for_its_share_and_the_arm_is_kept(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        first = apply(APPROVED_ROW)
        row = started("challenger", 10_000, at)
        made = admitted(first, at)
        assert (made.experiment, made.arm, made.outcome, made.reasons) == (row, "challenger", "decline", ["H01"])
        assert str(made.release) == "admission v2"
        assert services.replay(decision_id=made.pk).same

    def test_leaves_the_others_to_the_champion(
        self, apply: Apply, at: datetime, sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = apply(APPROVED_ROW)
        borrower = assessment(first).user.public_id
        salt = next(text for text in map(str, range(100)) if not arms.is_in(borrower, text, 5_000))
        monkeypatch.setattr("secrets.token_hex", lambda _: salt)  # drawn otherwise
        row = started("challenger", 5_000, at)
        made = admitted(first, at)
        assert (made.experiment, made.arm, str(made.release)) == (row, "champion", "admission v1")

    def test_ends_and_everybody_is_the_champions_again(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        first = apply(APPROVED_ROW)
        row = started("challenger", 10_000, at)
        services.ramp_experiment(experiment_id=row.pk, share_bp=5_000, by="system", reason="half of them", at=at)
        services.end_experiment(experiment_id=row.pk, by="system", reason="enough seen", at=at)
        made = admitted(first, at)
        assert (made.experiment, made.arm, str(made.release)) == (None, "", "admission v1")
        with pytest.raises(IntegrityError, match="only the share and its end"), transaction.atomic():
            Experiment.objects.update(salt="another")

    def test_is_compared(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        first = apply(APPROVED_ROW)
        row = started("challenger", 10_000, at)
        admitted(first, at)
        found = queries.comparison(row.pk)
        champion, challenger = found.arms
        assert (champion.decisions, challenger.decisions, challenger.declined) == (0, 1, 1)
        assert challenger.reasons == (("H01", 1),)
        assert found.approval is None

    @pytest.mark.parametrize("share", [0, 10_001])
    def test_a_share_out_of_bounds_is_refused(self, configured: None, at: datetime, share: int) -> None:
        with pytest.raises(experiments.ShareOutOfBounds):
            started("challenger", share, at)

    def test_is_another_release_of_the_scenario_and_the_only_one(self, configured: None, at: datetime) -> None:
        serving, other = releases.latest("admission"), releases.latest("antifraud")
        for release in (serving, other):
            with pytest.raises(experiments.NotAnotherRelease):
                started("challenger", 1_000, at, release)
        started("challenger", 1_000, at)
        with pytest.raises(experiments.OneIsRunning):
            started("challenger", 1_000, at, Release.objects.get(key="admission", version=2))

    def test_decides_for_some_and_a_larger_share_keeps_every_one_of_them(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        waiting = [apply(row) for row in PEOPLE]
        row = started("challenger", 5_000, at)
        places = sorted(arms.place(assessment(pk).user.public_id, row.salt) for pk in waiting)
        half = places[len(PEOPLE) // 2]
        services.ramp_experiment(experiment_id=row.pk, share_bp=half, by="system", reason="half of them", at=at)
        decided = {made.assessment.user_id: made for made in (admitted(pk, at) for pk in waiting)}
        challenged = {user for user, made in decided.items() if made.arm == "challenger"}
        assert len(challenged) == len(PEOPLE) // 2
        for user, made in decided.items():
            assert str(made.release) == ("admission v2" if user in challenged else "admission v1")
            assert made.experiment == row
        services.ramp_experiment(
            experiment_id=row.pk, share_bp=places[-1], by="system", reason="all but the last", at=at
        )
        binding = releases.in_force(scenario="admission", role="decide", product_code="", channel_code="", at=at)
        assert binding is not None
        now = {user: experiments.of(binding, ADMISSION, user) for user in decided}
        assert {user for user, running in now.items() if running.arm == "challenger"} > challenged
        assert sum(running.arm == "challenger" for running in now.values()) == len(PEOPLE) - 1


class TestScope:
    def test_narrower_than_what_serves_it_is_tried_there_alone(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        first, other = apply(APPROVED_ROW), apply(PEOPLE[0])
        where = assessment(first).application
        narrow = Scope("admission", product_code=where.product.code, channel_code=where.channel_code)
        row = started("challenger", 10_000, at, scope=narrow)
        made = admitted(first, at)
        assert (made.experiment, made.arm, str(made.release)) == (row, "challenger", "admission v2")
        assert assessment(other).application.product != where.product
        assert admitted(other, at).experiment is None

    def test_the_narrowest_of_two_is_the_one(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        first = apply(APPROVED_ROW)
        product = assessment(first).application.product.code
        started("challenger", 10_000, at)
        other = stricter_admission(at, age=98)
        row = started("challenger", 10_000, at, other, Scope("admission", product_code=product))
        made = admitted(first, at)
        assert (made.experiment, made.release) == (row, other)

    def test_where_a_narrower_binding_decides_a_wider_experiment_has_no_say(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        first = apply(APPROVED_ROW)
        own = Scope("admission", product_code=assessment(first).application.product.code)
        started("challenger", 10_000, at)
        other = stricter_admission(at, age=98)
        services.bind(scope=own, release=other, by="staff:2", reason="as a test", at=at)
        made = admitted(first, at)
        assert (made.experiment, made.arm, made.release) == (None, "", other)


class TestShadow:
    def test_is_kept_and_never_acts(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        first = apply(APPROVED_ROW)
        row = started("shadow", 10_000, at)
        made = admitted(first, at)
        assert (made.outcome, made.arm, made.experiment) == ("approve", "", None)
        shadow = ShadowDecision.objects.get()
        assert (shadow.decision, shadow.outcome, shadow.reasons) == (made, "decline", ["H01"])
        assert assessment(first).outcome == "approve"
        found = queries.comparison(row.pk)
        assert found.matrix == (("approve", "decline", 1),)
        assert [flip.decision_id for flip in found.flips] == [made.pk]

    def test_that_it_fails_is_kept_and_touches_nobody(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        first = apply(APPROVED_ROW)
        said = expression("say", {"outcome": "months > 0 ? 'shrug' : 'approve'", "reasons": "[]"})
        flow = Flow("mute", graph(input_node(schema_of("admission")), said, output_node()), "admission")
        mute = services.release(flow=flow, author="staff:1", approver="staff:2", at=at)
        row = started("shadow", 10_000, at, mute)
        assert admitted(first, at).outcome == "approve"
        shadow = ShadowDecision.objects.get()
        assert (shadow.outcome, shadow.failure.split(":")[0]) == ("", "NotAVerdict")
        assert queries.comparison(row.pk).failed == 1


class TestExemption:
    def ask(self, assessment_id: int, at: datetime, rule: str = AGE_RULE) -> Exemption:
        return services.ask_exemption(
            borrower=assessment(assessment_id).user.public_id,
            rule=rule,
            until=at.date() + timedelta(days=30),
            by="system",
            reason="papers seen by legal",
            at=at,
        )

    def test_keeps_the_hit_and_counts_it_for_nothing(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        first = apply(APPROVED_ROW)
        bind_stricter(at)
        row = self.ask(first, at, AGE_RULE)
        with pytest.raises(exemptions.OwnRequest):
            services.approve_exemption(exemption_id=row.pk, by="system", reason="my own one", at=at)
        services.approve_exemption(exemption_id=row.pk, by=officer(at), reason="papers seen", at=at)
        made = admitted(first, at + timedelta(seconds=2))
        assert made.outcome == "approve"
        assert [hit["rule"] for hit in made.hits] == [AGE_RULE.split(".")[1]]
        assert json.loads(made.output)["exempt"] == [AGE_RULE.split(".")[1]]

    def test_before_the_second_person_the_rule_counts(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        first = apply(APPROVED_ROW)
        bind_stricter(at)
        self.ask(first, at, AGE_RULE)
        assert admitted(first, at + timedelta(seconds=2)).outcome == "decline"

    def test_the_database_holds_that_two_people_said_so(self, apply: Apply, at: datetime) -> None:
        row = self.ask(apply(APPROVED_ROW), at, services.exemptible_rules()[0])
        with pytest.raises(IntegrityError, match="four_eyes"), transaction.atomic():
            Exemption.objects.filter(pk=row.pk).update(approved_by="system", approved_at=at)

    def test_ends_with_its_day(self, apply: Apply, at: datetime) -> None:
        first = apply(APPROVED_ROW)
        row = self.ask(first, at, services.exemptible_rules()[0])
        services.approve_exemption(exemption_id=row.pk, by=officer(at), reason="papers seen", at=at)
        user_id, last = assessment(first).user_id, row.until_date
        assert exemptions.rules_of(user_id, last) == [row.rule]
        assert exemptions.rules_of(user_id, last + timedelta(days=1)) == []
        with pytest.raises(exemptions.AlreadyExempt):
            self.ask(first, at, row.rule)

    def test_bad_questions_are_refused_by_name(self, apply: Apply, at: datetime) -> None:
        first = apply(APPROVED_ROW)
        with pytest.raises(exemptions.NoSuchRule):
            self.ask(first, at, "admission.no_such_rule")
        for until in (at.date() - timedelta(days=1), at.date() + timedelta(days=400)):
            with pytest.raises(exemptions.DayOutOfBounds):
                services.ask_exemption(
                    borrower=assessment(first).user.public_id,
                    rule=services.exemptible_rules()[0],
                    until=until,
                    by="system",
                    reason="papers seen",
                    at=at,
                )


class TestNothingInForce:
    def test_refuses_work_and_says_so_at_once(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        first = apply(APPROVED_ROW)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")  # past the triggers that keep bindings
            cursor.execute("DELETE FROM risk_binding")
            cursor.execute("SET LOCAL session_replication_role = origin")
        with pytest.raises(Exception, match="Nothing is bound to admission"):
            services.run_assessment(assessment_id=first, now=at)
        notice = Notice.objects.get(kind="nothing_in_force")
        assert (notice.severity, notice.subject) == ("critical", "scenario:admission")
        assert assessment(first).state == "pending", "it waits, and nobody was approved"
