"""What the domain must not do: skip the state machine, read the clock, look like something it is not."""

import ast

import pytest
from django.apps import apps
from django_fsm import FSMField

from tests.house.source import Module, product, suite

DOMAIN = ("models", "rules", "services", "queries", "flow", "overview")
CLOCKS = {
    "lending.common.clock.now",
    "django.utils.timezone.now",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.date.today",
    "time.time",
}
WRITERS = {"update", "create", "get_or_create", "update_or_create", "aupdate", "acreate"}


def _fsm() -> dict[str, str]:
    """{model name: state field} of every state machine."""
    return {
        model.__name__: field.name
        for model in apps.get_models()
        for field in model._meta.local_fields
        if isinstance(field, FSMField)
    }


def past_the_machine(tree: ast.AST, machines: dict[str, str]) -> list[int]:
    """Lines that write `status`, or the state of a named machine, otherwise than by a transition."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        keywords = {keyword.arg for keyword in node.keywords}
        callee = node.func
        if isinstance(callee, ast.Attribute) and callee.attr in WRITERS:
            owner = _model_of(callee.value)
            # Where the model is not to be seen, `status` is taken for a state.
            forbidden = {machines.get(owner, "")} if owner else {"status"}
        elif isinstance(callee, ast.Name) and callee.id in machines:
            forbidden = {machines[callee.id]}
        else:
            continue
        if keywords & forbidden:
            found.append(node.lineno)
    return found


def _model_of(node: ast.expr) -> str | None:
    """`Application` in Application.objects.filter(…), None where the chain does not begin with a model."""
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) and node.id[:1].isupper() else None


class TestStates:
    @pytest.mark.parametrize("module", [*product(), *suite()], ids=lambda module: module.place)
    def test_change_by_transition_only(self, module: Module) -> None:
        assert past_the_machine(module.tree, _fsm()) == []

    @pytest.mark.parametrize(
        "line",
        [
            "Application.objects.filter(pk=1).update(status='GRANTED')",
            "Application.objects.create(status='GRANTED', user=user)",
            "Application(status='GRANTED')",
            "rows.update(status='GRANTED')",
        ],
    )
    def test_a_way_past_the_machine_is_found(self, line: str) -> None:
        assert past_the_machine(ast.parse(line), {"Application": "status"}) == [1]


KEEPERS = {"lending/services/demo_clock.py"}  # moves the clock of demonstrations: it has to read the true one


class TestClock:
    @pytest.mark.parametrize(
        "module",
        [m for m in product() if m.parts[1:2] and m.parts[1] in DOMAIN and m.place not in KEEPERS],
        ids=lambda m: m.place,
    )
    def test_is_not_read_in_the_domain(self, module: Module) -> None:
        assert [f"line {call.lineno}" for call in module.calls() if module.resolve(call.func) in CLOCKS] == []


class TestModels:
    def test_have_a_readable_name_in_the_back_office(self) -> None:
        labels = ("lending", "users", "risk", "review", "funding", "contracts", "traffic")
        models = [model for label in labels for model in apps.get_app_config(label).get_models()]
        assert [model.__name__ for model in models if model.__str__ is model.__base__.__str__ is object.__str__] == []
