"""The catalogue: units, defaults that stand in for an unknown, and what a decision keeps of them."""

import json
from datetime import datetime, timedelta

import pytest

from risk import services
from risk.models import Decision, Variable
from risk.rules import engine
from risk.rules.catalogue import VariableSpec, WrongType, check_default, filled, subtree
from risk.rules.document import Flow
from risk.rules.ruleset import compile_rules
from risk.rules.strategy import catalogue, scenarios
from tests.factories.strategies import stricter_admission
from tests.sandbox_server import SandboxClient
from tests.unit.risk.conftest import Apply, assessment
from users import queries as users
from users.services import tags


class TestFilled:
    def test_a_default_stands_in_for_an_unknown_only(self) -> None:
        found = filled(["a", "b", "c", "d"], {"a": None, "b": 0, "d": None}, {"a": 7, "b": 9, "c": False})
        assert found == ({"a": 7, "b": 0, "c": False, "d": None}, ["a", "c"])


class TestCheckDefault:
    @pytest.mark.parametrize(
        ("type_", "good", "bad"),
        [("int", 3, "3"), ("int", 0, True), ("bool", False, 0), ("text", "", 1), ("text_list", ["a"], ["a", 1])],
    )
    def test_is_a_value_of_the_type(self, type_: str, good: object, bad: object) -> None:
        check_default(VariableSpec("v", type_, True, "s", "p", default=good))
        with pytest.raises(WrongType):
            check_default(VariableSpec("v", type_, True, "s", "p", default=bad))


class TestSubtree:
    def test_shows_nothing_beside_the_path(self) -> None:
        answer = {"places": {"home_months": 24, "work_months": 3}, "account": 1}
        assert subtree("places.home_months", answer) == {"places": {"home_months": 24}}
        assert subtree("places", answer) == {"places": {"home_months": 24, "work_months": 3}}
        assert subtree("places.street", answer) is None
        assert subtree("account.x", answer) is None


class TestCatalogue:
    def test_every_amount_says_its_unit(self) -> None:
        assert {
            spec.name for spec in catalogue().values() if spec.name.endswith("_cents") != (spec.unit == "cents")
        } == set()

    def test_every_input_of_a_scenario_is_listed(self) -> None:
        assert {name for scenario in scenarios().values() for name in scenario["inputs"]} - set(catalogue()) == set()

    def test_is_loaded_with_units_and_defaults(self, configured: None) -> None:
        row = Variable.objects.get(name="verified_income_cents")
        assert (row.unit, row.default, Variable.objects.get(name="device_borrowers_7d").unit) == (
            "cents",
            None,
            "borrowers",
        )


class TestADefault:
    def test_is_what_the_rules_see_and_is_named_by_the_decision(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        """Without the consent the bank flow is unknown, and credit refers; with a default nothing is unknown."""
        for name, value in (("checking", "high"), ("savings", "over_1000"), ("verified_income_cents", 2_000_000)):
            Variable.objects.filter(name=name).update(default=value)
        services.run_assessment(assessment_id=apply(3, without=("bankflow",)), now=at)
        found = Decision.objects.get(step="credit")
        assert sorted(found.defaulted) == ["checking", "savings", "verified_income_cents"]
        assert json.loads(found.inputs)["savings"] == "over_1000"
        assert (found.outcome, found.score is not None) == ("approve", True)
        assert services.replay(decision_id=found.pk).same
        assert Decision.objects.get(step="admission").defaulted == []


class TestListsInARule:
    @pytest.mark.parametrize(
        ("listed", "outcome"), [(["grey"], "refer"), (["black", "grey"], "refer"), ([], "approve"), (None, "approve")]
    )
    def test_says_device_on_grey_list(self, listed: list[str] | None, outcome: str) -> None:
        rule = {
            "id": "g",
            "when": {"listed_device": ["contains", "grey"]},
            "reason": "F02",
            "action": "refer",
            "unknown": "pass",
        }
        graph = compile_rules({"key": "k", "rules": [rule], "schema": {"type": "object", "properties": {}}})
        address = engine.load([Flow("lists", graph)])["lists"]
        assert engine.evaluate(address, {"listed_device": listed})["outcome"] == outcome


class TestTagsAndLevels:
    def test_are_read_by_rules_and_rules_put_tags_on_with_their_names(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        watched = {"id": "watched", "when": {"tags": ["contains", "watch"]}, "reason": "F02", "action": "refer"}
        newcomer = {"id": "newcomer", "when": {"level": ["=", "V1"]}, "reason": "", "action": "tag", "tag": "new_here"}
        release = stricter_admission(at, 18, watched | {"unknown": "pass"}, newcomer | {"unknown": "pass"})
        scope = services.Scope("admission", segment="new")
        services.bind(scope=scope, release=release, by="staff:2", reason="as a test", at=at)
        marked, past = apply(3), apply(34)
        for assessment_id, ends in ((marked, at + timedelta(days=1)), (past, at)):
            user_id = assessment(assessment_id).user_id
            put = {"source": "decision:1 x", "expires_at": ends, "at": at - timedelta(days=1)}
            tags.put(user_id=user_id, tag="watch", **put)
        for assessment_id, outcome in ((marked, "refer"), (past, "approve")):
            services.run_assessment(assessment_id=assessment_id, now=at)
            row = assessment(assessment_id)
            assert row.outcome == outcome
            first = Decision.objects.filter(assessment=row).earliest("pk")
            found = {tag.tag: tag for tag in users.tags_of(row.user_id, at)}
            assert (found["new_here"].source, found["new_here"].is_live) == (f"decision:{first.pk} newcomer", True)
            assert services.replay(decision_id=first.pk).same
