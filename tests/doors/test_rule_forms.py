"""Rule sets and test cases in the back office: who may, what is refused, and that a refusal changes nothing stored."""

import json
from copy import deepcopy
from datetime import datetime
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from lending.management.commands.bootstrap import DEMO_PASSWORD
from risk.models import Draft, Release
from risk.services import drafts
from tests.conftest import Clock
from tests.factories.configuration import bootstrap
from users.models import User

WRITER, READER, STRANGER = "analyst.lin", "audit.xu", "service.tang"
DOORS = ("rules_save", "rules_try", "tests_save", "tests_run", "tests_suggest")

UNREADABLE: list[tuple[Any, int]] = [
    ("{", 400),
    ("[]", 400),
    ('{"revision": 1, "authored": {"rules": NaN}}', 400),
    ({"revision": "1", "authored": {}}, 400),
    ({"revision": True, "authored": {}}, 400),
    ({"revision": 1, "authored": []}, 400),
    ({"revision": 1, "authored": {"rules": ["x" * 700_000, "y" * 700_000]}}, 413),
]
SHAPES: list[Any] = [
    None,
    5,
    [],
    [5],
    [{}],
    [{"id": [], "when": []}],
    [{"id": "a", "when": {"all": [5, None, {"all": [[]]}]}}],
    [{"id": "a", "when": {"variable": [], "operator": {}}}],
    [{"id": "a", "when": {"age_years": 5}}],
    [{"id": "a", "when": {"all": {}}, "action": [], "unknown": {}, "reason": [], "tag": {}}],
]
NO_CASES: list[Any] = [
    *(None, {}, [5], [{"name": "x"}], [{"name": "x", "inputs": {}, "expect": []}]),
    [{"inputs": {}, "expect": {}, "more": 1}],
]


@pytest.fixture
def at(clock: Clock) -> datetime:
    return clock.at


@pytest.fixture
def configured(db: None, clock: Clock) -> None:
    bootstrap()


@pytest.fixture
def draft(configured: None, at: datetime) -> Draft:
    """The shipped admission rules, being changed by the analyst."""
    return forked("admission", at)


@transaction.atomic
def forked(key: str, at: datetime) -> Draft:
    release = Release.objects.filter(key=key).latest("version")
    return drafts.fork(release_id=release.pk, by=by(WRITER), at=at)


def by(username: str) -> str:
    return f"staff:{User.objects.get(username=username).pk}"


def signed_in(username: str) -> Client:
    client = Client()
    assert client.login(username=username, password=DEMO_PASSWORD)
    return client


def address(name: str, pk: int) -> str:
    return reverse(f"admin:risk_draft_{name}", args=[pk])


def post(client: Client, name: str, pk: int, body: Any) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return client.post(address(name, pk), text, content_type="application/json")


def values(client: Client, pk: int, row: int = 6) -> dict[str, Any]:
    found: dict[str, Any] = client.get(address("values", pk), {"row": row}).json()["values"]
    return found


class TestRights:
    def test_who_may_view_reads_the_rules_as_sentences_without_a_script(self, draft: Draft) -> None:
        for username in (WRITER, READER):
            text = signed_in(username).get(address("rules", draft.pk)).content.decode()
            assert "age_years &lt; 18 → decline H01 · unknown: hit" in text
            assert ('id="risk-save"' in text) == (username == WRITER)

    def test_others_see_neither_page_nor_values(self, draft: Draft) -> None:
        client = signed_in(STRANGER)
        for name in ("rules", "tests", "values", "rules_stored"):
            assert client.get(address(name, draft.pk)).status_code == 403
        for name in DOORS:
            assert post(client, name, draft.pk, {}).status_code == 403

    def test_a_reader_tries_and_runs_and_writes_nothing(self, draft: Draft) -> None:
        client = signed_in(READER)
        body = {"revision": 1, "authored": draft.authored, "values": values(client, draft.pk), "tests": []}
        assert [post(client, name, draft.pk, body).status_code for name in DOORS] == [403, 200, 403, 200, 200]
        draft.refresh_from_db()
        assert (draft.revision, draft.updated_by) == (1, by(WRITER))

    def test_values_of_a_decision_need_the_right_to_see_decisions(self, draft: Draft) -> None:
        client = signed_in(WRITER)
        assert client.get(address("values", draft.pk), {"decision": "1"}).status_code == 404
        user = User.objects.get(username=WRITER)
        for group in user.groups.all():
            group.permissions.remove(group.permissions.get(codename="view_decision"))
        refused = signed_in(WRITER).get(address("values", draft.pk), {"decision": "1"})
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
        page = signed_in(WRITER).get(address("rules", draft.pk)).content.decode()
        assert '"may_see_decisions": false' in page

    def test_a_draft_that_is_not_open_is_read_only(self, draft: Draft, at: datetime) -> None:
        with transaction.atomic():
            drafts.discard(draft_id=draft.pk, by=by(WRITER), reason="not wanted any more", at=at)
        client = signed_in(WRITER)
        assert '"may_write": false' in client.get(address("rules", draft.pk)).content.decode()
        refused = post(client, "rules_save", draft.pk, {"revision": 1, "authored": draft.authored})
        assert (refused.status_code, refused.json()["code"]) == (409, "not_being_written")


class TestSaving:
    def test_keeps_half_done_work_and_tells_what_is_wrong_where(self, draft: Draft) -> None:
        authored = deepcopy(draft.authored)
        authored["rules"][1]["when"] = {"any": [{"variable": "age_years", "operator": "<", "value": "many"}]}
        authored["rules"][2]["reason"] = "X99"
        answer = post(signed_in(WRITER), "rules_save", draft.pk, {"revision": 1, "authored": authored})
        assert answer.status_code == 200
        (problem,) = answer.json()["problems"]
        assert (problem["rule"], problem["path"], problem["field"]) == (1, [0], "when.age_years")
        draft.refresh_from_db()
        assert (draft.revision, draft.authored) == (2, authored)
        authored["rules"][1]["when"]["any"][0]["value"] = 20
        answer = post(signed_in(WRITER), "rules_save", draft.pk, {"revision": 2, "authored": authored})
        assert [(each["rule"], each["code"]) for each in answer.json()["problems"]] == [(2, "unknown_reason")]

    def test_tells_of_conditions_that_nothing_can_satisfy(self, draft: Draft) -> None:
        authored = deepcopy(draft.authored)
        parts = [{"variable": "age_years", "operator": op, "value": 30} for op in ("<", ">")]
        authored["rules"][0]["when"] = {"all": parts}
        answer = post(signed_in(WRITER), "rules_save", draft.pk, {"revision": 1, "authored": authored})
        assert [(each["rule"], each["code"]) for each in answer.json()["problems"]] == [(0, "never_holds")]

    def test_an_unchanged_rule_set_stays_what_is_released(self, configured: None, at: datetime) -> None:
        for release in Release.objects.filter(form="rule_set").select_related("scenario"):
            draft = forked(release.key, at)
            saved = post(signed_in(WRITER), "rules_save", draft.pk, {"revision": 1, "authored": draft.authored})
            assert saved.json()["problems"] == []
            draft = Draft.objects.select_related("scenario").get(pk=draft.pk)
            assert drafts.working_set(draft).flows[0].graph == release.graph

    @pytest.mark.parametrize("name", ["rules_save", "tests_save"])
    def test_over_somebody_elses_is_refused_and_tells_their_revision(self, draft: Draft, name: str) -> None:
        body = {"revision": 1, "authored": draft.authored, "tests": []}
        assert post(signed_in("analyst.he"), "rules_save", draft.pk, body).status_code == 200
        refused = post(signed_in(WRITER), name, draft.pk, body)
        assert (refused.status_code, refused.json()["code"], refused.json()["revision"]) == (409, "stale_draft", 2)
        theirs = signed_in(WRITER).get(address("rules_stored", draft.pk)).json()
        assert (theirs["revision"], theirs["by"]) == (2, "Analyst He")

    def test_refuses_what_cannot_be_read(self, draft: Draft) -> None:
        client = signed_in(WRITER)
        for body, status in UNREADABLE:
            assert post(client, "rules_save", draft.pk, body).status_code == status, str(body)[:80]
        draft.refresh_from_db()
        assert draft.revision == 1

    def test_keeps_any_shape_and_the_page_still_opens(self, draft: Draft) -> None:
        client = signed_in(WRITER)
        known = values(client, draft.pk)
        for revision, rules in enumerate(SHAPES, start=1):
            saved = post(client, "rules_save", draft.pk, {"revision": revision, "authored": {"rules": rules}})
            assert saved.status_code == 200, rules
            assert saved.json()["problems"], rules
            assert client.get(address("rules", draft.pk)).status_code == 200, rules
            assert client.get(address("tests", draft.pk)).status_code == 200, rules
            tried = post(client, "rules_try", draft.pk, {"authored": {"rules": rules}, "values": known})
            assert (tried.status_code, tried.json()["code"]) == (422, "cannot_try"), rules

    def test_forms_are_for_rule_sets(self, configured: None, at: datetime) -> None:
        draft = forked("credit", at)
        client = signed_in(WRITER)
        assert client.get(address("rules", draft.pk)).status_code == 302
        refused = post(client, "rules_save", draft.pk, {"revision": 1, "authored": {"rules": []}})
        assert (refused.status_code, refused.json()["code"]) == (409, "of_another_form")
        draft.refresh_from_db()
        assert draft.revision == 1
        assert client.get(address("rules", 999)).status_code == 404


class TestTrying:
    def test_says_hit_miss_and_unknown_of_rules_and_conditions(self, draft: Draft) -> None:
        client = signed_in(WRITER)
        known = values(client, draft.pk) | {"age_years": 17, "province": None, "product": "BIZ", "purpose": "consumer"}
        answer = post(client, "rules_try", draft.pk, {"authored": draft.authored, "values": known}).json()
        states = {rule["id"]: answer["states"][str(place)] for place, rule in enumerate(draft.authored["rules"])}
        assert (states["adult"], states["region_open"], states["business_purpose"]) == ("hit", "unknown", "hit")
        assert states["three_notes"] == "miss"
        place = [rule["id"] for rule in draft.authored["rules"]].index("business_purpose")
        assert [answer["states"][f"{place}.{part}"] for part in (0, 1)] == ["hit", "hit"]
        assert (answer["output"]["outcome"], answer["output"]["reasons"][0]) == ("decline", "H01")

    def test_leaves_out_what_is_incomplete_and_says_so(self, draft: Draft) -> None:
        client = signed_in(WRITER)
        authored = deepcopy(draft.authored)
        authored["rules"][0]["unknown"] = ""
        known = values(client, draft.pk) | {"grey_listed": True}
        answer = post(client, "rules_try", draft.pk, {"authored": authored, "values": known}).json()
        assert answer["left_out"] == [0]
        assert "0" not in answer["states"]
        assert answer["states"][str(len(authored["rules"]) - 1)] == "hit"

    def test_names_values_that_are_missing_or_of_the_wrong_type(self, draft: Draft) -> None:
        client = signed_in(WRITER)
        known = values(client, draft.pk) | {"as_of": None, "age_years": "17", "exempt_rules": [1], "months": 2**70}
        refused = post(client, "rules_try", draft.pk, {"authored": draft.authored, "values": known})
        assert refused.status_code == 422
        assert {"as_of", "age_years", "exempt_rules"} <= set(refused.json()["fields"])

    def test_loads_a_row_and_refuses_one_that_is_not_there(self, draft: Draft) -> None:
        client = signed_in(WRITER)
        assert set(values(client, draft.pk)) == set(draft.scenario.inputs)
        for row in ("0", "1001", "x", "", "²"):
            assert client.get(address("values", draft.pk), {"row": row}).status_code == 404


class TestCases:
    def test_are_suggested_run_saved_and_shown(self, draft: Draft) -> None:
        client = signed_in(WRITER)
        found = post(client, "tests_suggest", draft.pk, {"tests": []}).json()["tests"]
        ran = post(client, "tests_run", draft.pk, {"tests": found}).json()
        assert all(result["passed"] for result in ran["results"])
        assert ran["coverage"]["percent"] == 100
        found[0]["expect"]["outcome"] = "approve"
        assert post(client, "tests_save", draft.pk, {"revision": 1, "tests": found}).json() == {"revision": 2}
        text = client.get(address("tests", draft.pk)).content.decode()
        assert "outcome: approve expected, decline got" in text
        draft.refresh_from_db()
        assert (draft.tests, draft.authored["rules"][0]["id"]) == (found, "adult")

    def test_of_another_shape_are_refused(self, draft: Draft) -> None:
        client = signed_in(WRITER)
        for tests in NO_CASES:
            for name in ("tests_save", "tests_run", "tests_suggest"):
                answer = post(client, name, draft.pk, {"revision": 1, "tests": tests})
                assert (answer.status_code, answer.json()["code"]) == (422, "not_cases"), tests

    def test_of_a_draft_that_cannot_be_built_fail_with_the_reason(self, draft: Draft) -> None:
        client = signed_in(WRITER)
        post(client, "rules_save", draft.pk, {"revision": 1, "authored": {"rules": []}})
        case = {"name": "x", "inputs": values(client, draft.pk), "expect": {"outcome": "approve"}}
        ran = post(client, "tests_run", draft.pk, {"tests": [case]}).json()
        assert ran["coverage"] is None
        assert "needs at least one rule" in ran["results"][0]["error"]
        assert post(client, "tests_suggest", draft.pk, {"tests": []}).status_code == 422

    def test_of_a_flow_tell_its_sub_decisions_apart(self, configured: None, at: datetime) -> None:
        draft = forked("credit", at)
        client = signed_in(WRITER)
        case = {
            "name": "x",
            "inputs": values(client, draft.pk),
            "expect": {"outcome": "approve", "limit_cents": 3_000_000},
        }
        ran = post(client, "tests_run", draft.pk, {"tests": [case]}).json()
        assert ran["results"][0]["passed"]
        assert {key for key, _ in ran["coverage"]["below"]} == {"credit_rules", "credit_score"}
