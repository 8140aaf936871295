"""The demo configuration, as `bootstrap` loads it."""

from datetime import datetime
from importlib import import_module
from typing import Any

from django.apps import apps as registry
from django.contrib.auth.models import Group, Permission
from django.db.models import Max, Model

APPS = ("lending", "users", "review")

# What the loaders wrote the first time, by what they were asked for: the next tests get the same rows, inserted.
# A flushed database has its permissions made anew, with other ids.
_written: dict[tuple[Any, ...], list[tuple[type[Model], list[Any]]]] = {}


def configure(at: datetime, apps: tuple[str, ...] = APPS) -> None:
    asked = (at, apps, Permission.objects.aggregate(Max("pk"))["pk__max"])
    if rows := _written.get(asked):
        for model, found in rows:
            model._base_manager.bulk_create(found, ignore_conflicts=True)
        return
    models = [
        *(model for app in apps for model in registry.get_app_config(app).get_models(include_auto_created=True)),
        Group,
        Group.permissions.through,
    ]
    empty = not any(model._base_manager.exists() for model in models)
    for app in apps:
        import_module(f"{app}.services.configuration").load(at=at)
    if empty:
        loaded = [(model, list(model._base_manager.all())) for model in models]
        _written[asked] = [(model, found) for model, found in loaded if found]
