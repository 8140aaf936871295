"""From a draft into force: the gate, the second person, what the database holds, and what happens at the same time."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, connection, transaction

from risk import services
from risk.models import Binding, Draft, DraftState, Release, Submission
from risk.queries import undecided_rows
from risk.services import drafts, publishing, releases
from risk.services.releases import Scope, in_force
from tests.factories.strategies import (
    CASES,
    KNOWN,
    OPEN_APPLICATION,
    backtested,
    precheck_draft,
    stricter_admission,
    submitted_precheck,
)
from users.models import Notice, User
from users.services import acts

NOTE = "looked at every rule"


@pytest.fixture
def lin(configured: None, at: datetime) -> str:
    from users.services import configuration

    with transaction.atomic():
        configuration.load_staff(at=at, password="long enough for anybody")
    return staff("analyst.lin")


def staff(username: str) -> str:
    return f"staff:{User.objects.get(username=username).pk}"


def serving(at: datetime, scenario: str = "precheck", **where: str) -> str | None:
    found = in_force(
        scenario=scenario, role="decide", at=at, **({"product_code": "LINE", "channel_code": "OWN"} | where)
    )
    return str(found.release) if found else None


@pytest.mark.usefixtures("lin")
class TestDraft:
    def test_who_saves_over_somebody_else_is_told_and_changes_nothing(self, lin: str, at: datetime) -> None:
        draft = precheck_draft(at, by=lin)
        with pytest.raises(drafts.StaleDraft) as refused:
            services.save_draft(draft_id=draft.pk, revision=1, title="mine", by=staff("analyst.he"), at=at)
        assert refused.value.data == {"revision": 2, "updated_by": lin}
        assert Draft.objects.get().title == "Precheck"

    def test_one_a_name_is_at_work(self, lin: str, at: datetime) -> None:
        precheck_draft(at, by=lin)
        with pytest.raises(drafts.AtWorkAlready):
            precheck_draft(at, by=lin)

    @pytest.mark.parametrize("key", ["", "A", "9x", "with blank", "x" * 61, "ключ"])
    def test_a_bad_name_is_refused(self, lin: str, at: datetime, key: str) -> None:
        with pytest.raises(drafts.BadKey):
            precheck_draft(at, key=key, by=lin)

    def test_a_name_keeps_its_form_and_scenario(self, lin: str, at: datetime) -> None:
        with pytest.raises(drafts.OfAnotherForm, match="rule set of admission"):
            services.begin_draft(key="admission", scenario="credit", form="flow", title="x", by=lin, at=at)

    def test_only_analysts_write(self, lin: str, at: datetime) -> None:
        with pytest.raises(acts.NotAllowed):
            precheck_draft(at, by=staff("audit.xu"))

    def test_a_fork_begins_as_the_release_and_is_no_change(self, lin: str, at: datetime) -> None:
        for key in ("admission", "credit_score", "credit"):
            row = releases.latest(key)
            assert row
            draft = services.fork_release(release_id=row.pk, by=lin, at=at)
            assert drafts.working_set(draft).flows[0].graph == row.graph
            report = services.draft_report(draft_id=draft.pk, at=at)
            assert report["problems"] == []
            assert [part["changes"] for part in report["parts"]] == [[]]


@pytest.mark.usefixtures("lin")
class TestGate:
    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"when": {"no_such": [">", 0]}}, "no input of the scenario"),
            ({"when": {"open_applications": [">", "many"]}}, "is no int"),
            ({"when": {"open_applications": ["~", 1]}}, "one of"),
            ({"when": {"product": ["<", "A"]}}, "does not compare text"),
            ({"when": {}}, "at least one condition"),
            ({"when": {"any": []}}, "at least one condition"),
            ({"unknown": ""}, "say what happens when an input is missing"),
            ({"reason": ""}, "needs a reason code"),
            ({"reason": "Z99"}, "not in the register"),
            ({"action": "shrug"}, "say what the rule does"),
            ({"action": "tag"}, "needs a tag"),
            ({"id": "Not a name"}, "small letters"),
        ],
    )
    def test_names_what_is_wrong_with_a_rule(self, lin: str, at: datetime, change: Any, told: str) -> None:
        draft = precheck_draft(at, by=lin, rules=[OPEN_APPLICATION | change])
        with pytest.raises(publishing.NotPublishable) as refused:
            services.submit_strategy(draft_id=draft.pk, revision=2, note=NOTE, by=lin, at=at)
        assert told in " ".join(refused.value.data["blockers"])
        assert Submission.objects.count() == 0
        assert Draft.objects.get().state == DraftState.OPEN

    def test_wants_tests_that_pass_and_reach_enough(self, lin: str, at: datetime) -> None:
        draft = precheck_draft(at, by=lin, tests=CASES[:1])
        report = services.draft_report(draft_id=draft.pk, at=at)
        untried = "No finished backtest of exactly this content: run one."
        assert report["soft_blockers"] == ["precheck: tests reach 0 % of its rules; 80 % are required.", untried]
        wrong = [CASES[1] | {"expect": {"outcome": "approve"}}, CASES[2]]
        services.save_draft(draft_id=draft.pk, revision=2, tests=wrong, by=lin, at=at)
        report = services.draft_report(draft_id=draft.pk, at=at)
        assert report["soft_blockers"] == ["precheck: test case 'has one' fails.", untried]

    def test_wants_a_backtest_of_exactly_this_content(self, lin: str, at: datetime) -> None:
        draft = precheck_draft(at, by=lin)
        backtested(draft, at)
        report = services.draft_report(draft_id=draft.pk, at=at)
        assert (report["soft_blockers"], report["backtest"]["rows"]) == ([], 3)
        stricter = OPEN_APPLICATION | {"when": {"open_applications": [">", 1]}}
        services.save_draft(draft_id=draft.pk, revision=2, authored={"rules": [stricter]}, by=lin, at=at)
        assert services.draft_report(draft_id=draft.pk, at=at)["backtest"] is None

    def test_rows_that_the_backtest_could_not_decide_stop_it(self, lin: str, at: datetime) -> None:
        draft = precheck_draft(at, by=lin)
        backtested(draft, at, {name: value for name, value in KNOWN.items() if name != "product"})
        report = services.draft_report(draft_id=draft.pk, at=at)
        (told,) = report["soft_blockers"]
        assert told.startswith("The backtest could not decide 3 of 3 rows (3 ")
        assert "product" in told
        assert all("refs" not in fault for fault in report["backtest"]["faults"])  # a row's name may be a person's
        shown = undecided_rows(report["backtest"]["id"])
        assert [len(fault["refs"]) for fault in shown] == [3]

    def test_a_decline_without_a_reason_stops_it_on_paper_and_in_a_test_case(self, lin: str, at: datetime) -> None:
        draft = services.begin_draft(key="sized", scenario="precheck", form="table", title="Sized", by=lin, at=at)
        graph = draft.authored
        graph["nodes"][1]["content"] |= {
            "inputs": [{"id": "i", "name": "open_loans", "field": "open_loans"}],
            "outputs": [{"id": name, "name": name, "field": name} for name in ("outcome", "reasons")],
            "rules": [
                {"_id": "1", "i": "> 2", "outcome": '"decline"', "reasons": ""},
                {"_id": "2", "i": "> 1", "outcome": '"refer"', "reasons": "['H06']"},
                {"_id": "3", "i": "", "outcome": '"approve"', "reasons": "[]"},
            ],
        }
        tests = [{"name": "has three", "inputs": KNOWN | {"open_loans": 3}, "expect": {"outcome": "decline"}}]
        services.save_draft(draft_id=draft.pk, revision=1, authored=graph, tests=tests, by=lin, at=at)
        assert services.draft_report(draft_id=draft.pk, at=at)["hard_blockers"] == [
            "sized, table table, row 1 declines without a reason.",
            "sized: test case 'has three' declines without a reason.",
        ]
        with pytest.raises(publishing.NotPublishable, match="row 1 declines without"), transaction.atomic():
            services.submit_strategy(
                draft_id=draft.pk, revision=2, note=NOTE, scope=Scope("precheck"), emergency_reason="now", by=lin, at=at
            )
        graph["nodes"][1]["content"]["rules"][0]["reasons"] = "['H06']"
        services.save_draft(draft_id=draft.pk, revision=2, authored=graph, by=lin, at=at)
        assert services.draft_report(draft_id=draft.pk, at=at)["hard_blockers"] == []

    def test_a_row_that_nothing_reaches_stops_it(self, lin: str, at: datetime) -> None:
        draft = services.begin_draft(key="limits", scenario="credit", form="table", title="Limits", by=lin, at=at)
        graph = draft.authored
        graph["nodes"][1]["content"] |= {
            "inputs": [{"id": "i", "name": "months", "field": "months"}],
            "outputs": [{"id": "o", "name": "outcome", "field": "outcome"}],
            "rules": [
                {"_id": "1", "i": "[3..24]", "o": '"approve"'},
                {"_id": "2", "i": "12", "o": '"decline"'},
                {"_id": "3", "i": "", "o": '"refer"'},
            ],
        }
        services.save_draft(draft_id=draft.pk, revision=1, authored=graph, by=lin, at=at)
        report = services.draft_report(draft_id=draft.pk, at=at)
        assert "row 2 is never reached: 1 above take all of it" in report["hard_blockers"]
        assert "limits, table table, row 3 refers without a reason." in report["hard_blockers"]
        assert [(one["node"], one["field"], one["way"]) for one in report["speechless"]] == [
            ("table", "rules[2].outcome", ("table: row 3",))
        ]

    def test_a_table_that_flows_ask_needs_no_outcome_and_decides_nothing_by_itself(
        self, lin: str, at: datetime
    ) -> None:
        draft = services.begin_draft(key="prices", scenario="credit", form="table", title="Prices", by=lin, at=at)
        draft.authored["nodes"][1]["content"] |= {
            "inputs": [{"id": "i", "name": "months", "field": "months"}],
            "outputs": [{"id": "o", "name": "annual_rate", "field": "annual_rate"}],
            "rules": [{"_id": "1", "i": "<= 12", "o": '"0.144"'}, {"_id": "2", "i": "", "o": '"0.18"'}],
        }
        services.save_draft(draft_id=draft.pk, revision=1, authored=draft.authored, by=lin, at=at)
        found = services.draft_report(draft_id=draft.pk, at=at)
        assert (found["problems"], found["hard_blockers"]) == ([], [])
        assert found["parts"][0]["changes"] == [
            'table, row 1: months <= 12 → annual_rate "0.144".',
            'table, row 2: everything else → annual_rate "0.18".',
        ]
        with pytest.raises(publishing.NotPublishable, match="decides nothing by itself"), transaction.atomic():
            services.submit_strategy(draft_id=draft.pk, revision=2, note=NOTE, scope=Scope("credit"), by=lin, at=at)

    def test_says_what_changes_in_words(self, lin: str, at: datetime) -> None:
        row = releases.latest("antifraud")
        assert row
        draft = services.fork_release(release_id=row.pk, by=lin, at=at)
        rules = draft.authored["rules"]
        changed = next(rule for rule in rules if rule["id"] == "velocity")
        changed["when"] = {"device_accounts_7d": [">=", 4]}
        services.save_draft(
            draft_id=draft.pk, revision=1, authored=draft.authored | {"rules": rules[1:]}, by=lin, at=at
        )
        (part,) = services.draft_report(draft_id=draft.pk, at=at)["parts"]
        assert part["changes"] == [
            "Rule velocity changed: device_accounts_7d >= 5 → decline F02, unknown: pass; "
            "now device_accounts_7d >= 4 → decline F02, unknown: pass.",
            "Rule sources_answered removed: sources_dead_stop > 0 → decline N01, unknown: refer.",
        ]


@pytest.mark.usefixtures("lin")
class TestApproval:
    def test_by_a_second_person_releases_and_serves(self, lin: str, at: datetime) -> None:
        row = submitted_precheck(at, by=lin)
        assert serving(at) is None
        services.approve_strategy(submission_id=row.pk, note=NOTE, by=staff("analyst.he"), at=at)
        assert serving(at) == "precheck v1"
        release = Release.objects.get(key="precheck")
        assert (release.author, release.approver) == (lin, staff("analyst.he"))
        assert release.tests == CASES
        assert Draft.objects.get().state == DraftState.RELEASED

    def test_is_refused_to_everybody_who_wrote_it(self, lin: str, at: datetime) -> None:
        he = staff("analyst.he")
        draft = precheck_draft(at, by=lin)
        services.save_draft(draft_id=draft.pk, revision=2, title="ours", by=he, at=at)
        row = services.submit_strategy(draft_id=draft.pk, revision=3, note=NOTE, by=lin, at=at)
        for by in (lin, he):
            with pytest.raises(publishing.OwnSubmission), transaction.atomic():
                services.approve_strategy(submission_id=row.pk, note=NOTE, by=by, at=at)
        services.approve_strategy(submission_id=row.pk, note=NOTE, by=staff("manager.qian"), at=at)

    def test_the_database_holds_four_eyes(self, lin: str, at: datetime) -> None:
        row = submitted_precheck(at, by=lin)
        past_the_service = (
            "UPDATE risk_submission SET state = 'approved', decided_by = %s, decided_at = now(), release_id = %s"
        )
        with pytest.raises(IntegrityError, match="four_eyes"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(past_the_service, [row.submitted_by, _latest("admission").pk])

    def test_what_was_submitted_stays_as_it_was(self, lin: str, at: datetime) -> None:
        row = submitted_precheck(at, by=lin)
        with pytest.raises(IntegrityError, match="stays as it was"), transaction.atomic():
            Submission.objects.filter(pk=row.pk).update(parts=[])
        with pytest.raises(drafts.NotBeingWritten):
            services.save_draft(draft_id=row.draft_id, revision=2, title="later", by=lin, at=at)

    def test_sent_back_it_can_be_written_again(self, lin: str, at: datetime) -> None:
        row = submitted_precheck(at, by=lin)
        services.refuse_strategy(submission_id=row.pk, note="one rule is missing", by=staff("analyst.he"), at=at)
        assert services.save_draft(draft_id=row.draft_id, revision=2, title="again", by=lin, at=at).revision == 3
        with pytest.raises(publishing.NotWaiting):
            services.approve_strategy(submission_id=row.pk, note=NOTE, by=staff("analyst.he"), at=at)

    def test_takes_the_drafts_along_that_it_asks(self, lin: str, at: datetime) -> None:
        rules = services.fork_release(release_id=_latest("credit_rules").pk, by=lin, at=at)
        authored = rules.authored
        authored["rules"][-1]["tag"] = "late_source"
        services.save_draft(draft_id=rules.pk, revision=1, authored=authored, required_coverage=0, by=lin, at=at)
        flow = services.fork_release(release_id=_latest("credit").pk, by=lin, at=at)
        flow = services.save_draft(draft_id=flow.pk, revision=1, required_coverage=0, by=lin, at=at)
        backtested(flow, at)
        row = services.submit_strategy(
            draft_id=flow.pk, revision=2, note=NOTE, scope=Scope("credit", product_code="BIZ"), by=lin, at=at
        )
        assert [part["key"] for part in row.parts] == ["credit_rules", "credit"]
        released = services.approve_strategy(submission_id=row.pk, note=NOTE, by=staff("analyst.he"), at=at)
        assert Release.objects.get(pk=released.pins["credit_rules"]).version == 2
        assert serving(at, "credit", product_code="BIZ") == "credit v2"
        assert serving(at, "credit") == "credit v1"

    def test_a_sub_decision_released_meanwhile_sends_it_back(self, lin: str, at: datetime) -> None:
        flow = services.fork_release(release_id=_latest("credit").pk, by=lin, at=at)
        authored = flow.authored
        authored["nodes"][-1]["name"] = "answer"
        services.save_draft(draft_id=flow.pk, revision=1, authored=authored, required_coverage=0, by=lin, at=at)
        row = services.submit_strategy(draft_id=flow.pk, revision=2, note=NOTE, by=lin, at=at)
        newer = services.fork_release(release_id=_latest("credit_rules").pk, by=lin, at=at)
        newer.authored["rules"].pop()
        services.save_draft(draft_id=newer.pk, revision=1, authored=newer.authored, required_coverage=0, by=lin, at=at)
        other = services.submit_strategy(draft_id=newer.pk, revision=2, note=NOTE, by=lin, at=at)
        services.approve_strategy(submission_id=other.pk, note=NOTE, by=staff("analyst.he"), at=at)
        with pytest.raises(publishing.ChangedMeanwhile), transaction.atomic():
            services.approve_strategy(submission_id=row.pk, note=NOTE, by=staff("analyst.he"), at=at)
        assert _latest("credit").version == 1


@pytest.mark.usefixtures("lin")
class TestInForce:
    def test_from_an_instant_to_come(self, lin: str, at: datetime) -> None:
        row = submitted_precheck(at, by=lin, in_force_from=at + timedelta(days=2))
        services.approve_strategy(submission_id=row.pk, note=NOTE, by=staff("analyst.he"), at=at)
        assert serving(at + timedelta(days=1)) is None
        assert serving(at + timedelta(days=2)) == "precheck v1"
        binding = Binding.objects.get(release__key="precheck")
        services.cancel_binding(binding_id=binding.pk, by=lin, reason="not this week", at=at)
        assert serving(at + timedelta(days=3)) is None
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            Binding.objects.filter(pk=binding.pk).update(reason="another")

    def test_an_instant_gone_by_or_far_away_is_refused(self, lin: str, at: datetime) -> None:
        for number, instant in enumerate((at - timedelta(minutes=1), at + timedelta(days=400))):
            with pytest.raises(publishing.InstantOutOfBounds):
                submitted_precheck(at, key=f"precheck_{number}", by=lin, in_force_from=instant)

    def test_rolling_back_is_one_act(self, lin: str, at: datetime) -> None:
        later = at + timedelta(hours=1)
        services.bind(
            scope=Scope("admission"), release=stricter_admission(at), by=lin, reason="stricter", at=at + timedelta(1)
        )
        now = at + timedelta(days=1, hours=1)
        assert serving(now, "admission") == "admission v2"
        binding = Binding.objects.latest("pk")
        services.roll_back(binding_id=binding.pk, by=lin, reason="too many declines", at=now)
        assert serving(now, "admission") == "admission v1"
        assert serving(later, "admission") == "admission v1"
        with pytest.raises(acts.NotAllowed):
            services.roll_back(
                binding_id=Binding.objects.latest("pk").pk, by=staff("initial.chen"), reason="not mine", at=now
            )

    def test_two_at_the_same_instant_are_refused_by_name(self, lin: str, at: datetime) -> None:
        with pytest.raises(releases.SameInstant):
            services.bind(scope=Scope("admission"), release=stricter_admission(at), by=lin, reason="again", at=at)

    def test_rolling_back_the_first_of_a_scope_gives_the_work_back_to_the_wider(self, lin: str, at: datetime) -> None:
        narrow, hour = Scope("admission", product_code="BIZ"), timedelta(hours=1)
        first, second = stricter_admission(at), stricter_admission(at, age=23)
        binding = services.bind(scope=narrow, release=first, by=lin, reason="stricter", at=at)
        services.roll_back(binding_id=binding.pk, by=lin, reason="too many declines", at=at + hour)
        assert serving(at + hour, "admission", product_code="BIZ") == "admission v1"
        again = services.bind(scope=narrow, release=second, by=lin, reason="stricter", at=at + 2 * hour)
        assert serving(at + 2 * hour, "admission", product_code="BIZ") == "admission v3"
        services.roll_back(binding_id=again.pk, by=lin, reason="worse still", at=at + 3 * hour)
        assert serving(at + 3 * hour, "admission", product_code="BIZ") == "admission v1"

    def test_the_only_one_that_ever_served_is_not_rolled_back(self, lin: str, at: datetime) -> None:
        row = submitted_precheck(at, by=lin, scope=Scope("precheck", product_code="BIZ"))
        services.approve_strategy(submission_id=row.pk, note=NOTE, by=staff("analyst.he"), at=at)
        with pytest.raises(releases.NothingElseServes), transaction.atomic():
            services.roll_back(binding_id=Binding.objects.latest("pk").pk, by=lin, reason="not good", at=at)

    def test_a_retired_scope_leaves_the_work_to_the_wider(self, lin: str, at: datetime) -> None:
        narrow = Scope("admission", product_code="BIZ", segment="new")
        binding = services.bind(scope=narrow, release=stricter_admission(at), by=lin, reason="stricter", at=at)
        where = {"product_code": "BIZ", "segment": "new"}
        assert serving(at, "admission", **where) == "admission v2"
        assert serving(at, "admission", **where | {"segment": "returning"}) == "admission v1"
        services.retire(binding_id=binding.pk, by=lin, reason="no longer needed", at=at + timedelta(hours=1))
        assert serving(at + timedelta(hours=1), "admission", **where) == "admission v1"
        widest = Binding.objects.filter(scenario__code="admission", product_code="").get()
        with pytest.raises(releases.NothingElseServes):
            services.retire(binding_id=widest.pk, by=lin, reason="no longer needed", at=at)


@pytest.mark.usefixtures("lin")
class TestEmergency:
    def test_serves_at_once_alone_and_ends_by_itself(self, lin: str, at: datetime) -> None:
        draft = precheck_draft(at, by=lin, tests=[])
        scope = Scope("precheck")
        with pytest.raises(publishing.NotPublishable), transaction.atomic():
            services.submit_strategy(draft_id=draft.pk, revision=2, note=NOTE, scope=scope, by=lin, at=at)
        row = services.submit_strategy(
            draft_id=draft.pk,
            revision=2,
            note=NOTE,
            scope=scope,
            emergency_reason="attack tonight",
            by=lin,
            at=at,
        )
        assert row.state == "approved"
        assert serving(at + timedelta(hours=71)) == "precheck v1"
        assert serving(at + timedelta(hours=73)) is None
        assert Notice.objects.filter(kind="emergency_release", severity="critical").exists()
        with pytest.raises(IntegrityError, match="serves until"), transaction.atomic():
            services.bind(
                scope=scope, release=Release.objects.get(key="precheck"), by=lin, reason="longer", at=at + timedelta(1)
            )

    def test_needs_its_own_permission(self, lin: str, at: datetime) -> None:
        draft = precheck_draft(at, by=lin)
        User.objects.get(username="analyst.lin").groups.clear()
        User.objects.get(username="analyst.lin").user_permissions.add(Permission.objects.get(codename="write_strategy"))
        with pytest.raises(acts.NotAllowed), transaction.atomic():
            services.submit_strategy(
                draft_id=draft.pk,
                revision=2,
                note=NOTE,
                scope=Scope("precheck"),
                emergency_reason="night",
                by=lin,
                at=at,
            )


def _latest(key: str) -> Release:
    row = releases.latest(key)
    assert row
    return row
