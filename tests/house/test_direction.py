"""Who may point at whom, beyond what imports show."""

import ast
import re

import pytest
from django.apps import apps
from django.db import models

from lending.celery import app as celery_app
from tests.house.source import APPS, DOORS, Module, product

TASK_NAME = re.compile(rf"({'|'.join(APPS)})\.tasks\.\w+")
READS = ("check_can_", "can_", "due")
MANY = {"sweep"}  # by its nature: everything of its app that is due, one after the other


class TestForeignKeys:
    @pytest.mark.parametrize("label", APPS)
    def test_point_only_at_lending_users_or_the_own_app(self, label: str) -> None:
        allowed = {"users", label, "auth", "contenttypes"} | ({"lending"} if label != "users" else set())
        wrong = [
            f"{model.__name__}.{field.name} -> {field.related_model._meta.label}"
            for model in apps.get_app_config(label).get_models()
            for field in model._meta.get_fields()
            if isinstance(field, models.ForeignKey | models.ManyToManyField)
            and field.related_model._meta.app_label not in allowed
        ]
        assert wrong == []


class TestTaskNames:
    def test_every_name_in_the_code_is_a_registered_task(self) -> None:
        celery_app.loader.import_default_modules()
        for label in APPS:
            celery_app.autodiscover_tasks([label], force=True)
        named = {
            (node.value, module.place)
            for module in product()
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and TASK_NAME.fullmatch(node.value)
        }
        assert named, "the scan finds nothing: it is broken"
        assert {(name, place) for name, place in named if name not in celery_app.tasks} == set()

    def test_every_scheduled_task_is_registered(self) -> None:
        celery_app.loader.import_default_modules()  # as a worker does when it starts
        assert {entry["task"] for entry in celery_app.conf.beat_schedule.values()} - set(celery_app.tasks) == set()


def _domain_calls(module: Module, function: ast.AST) -> set[str]:
    """Services and flow functions called in `function`, not in functions defined inside it."""
    inner = {id(node) for child in ast.walk(function) if child is not function and isinstance(child, ast.FunctionDef)
             for node in ast.walk(child)}  # fmt: skip
    found = set()
    for call in module.calls(function):
        name = module.resolve(call.func)
        leaf = name.rsplit(".", 1)[-1]
        is_domain = re.match(rf"({'|'.join(APPS)})\.services\.|lending\.flow\.", name)
        if id(call) not in inner and is_domain and leaf[:1].islower() and not leaf.startswith(READS):
            found.add(name)
    return found


class TestDoors:
    @pytest.mark.parametrize("module", [m for m in product() if m.is_door], ids=lambda module: module.place)
    def test_call_at_most_one_service_or_flow_function(self, module: Module) -> None:
        functions = [node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        named = [function for function in functions if function.name not in MANY]
        wide = {function.name: calls for function in named if len(calls := _domain_calls(module, function)) > 1}
        assert wide == {}

    def test_a_door_that_calls_two_is_found(self) -> None:
        module = Module.__new__(Module)
        module.__dict__["tree"] = ast.parse("def post(self):\n    auth.request_code()\n    auth.exchange()\n")
        module.__dict__["names"] = {"auth": "users.services.auth"}
        assert len(_domain_calls(module, module.tree.body[0])) == 2

    def test_exist(self) -> None:
        assert {module.parts[1] for module in product() if module.is_door} <= set(DOORS)
