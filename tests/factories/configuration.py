"""The demo configuration, as `bootstrap` loads it."""

from datetime import datetime
from importlib import import_module
from typing import Any

from django.apps import apps as registry
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import Model

APPS = ("lending", "users", "review")

# What the loaders wrote the first time, by what they were asked for, as one script: the next tests get the same rows.
_written: dict[tuple[Any, ...], str] = {}


def configure(at: datetime, apps: tuple[str, ...] = APPS) -> None:
    if script := _written.get((at, apps)):
        with connection.cursor() as cursor:
            cursor.execute(script)
        return
    models: list[type[Model]] = [
        *(model for app in apps for model in registry.get_app_config(app).get_models(include_auto_created=True)),
        Group,
        Group.permissions.through,
    ]
    empty = not any(model._base_manager.exists() for model in models)
    for app in apps:
        import_module(f"{app}.services.configuration").load(at=at)
    if empty:
        _written[at, apps] = "; ".join(_inserts(models))


def _inserts(models: list[type[Model]]) -> list[str]:
    """The rows there are, as statements that insert them where they are not."""
    found: list[str] = []

    def keep(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("INSERT"):
            found.append(context["cursor"].mogrify(sql, params).decode())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(keep):
        for model in models:
            model._base_manager.bulk_create(model._base_manager.all(), ignore_conflicts=True)
    return found
