"""Shared parts of the back office: lists that show everything and edit nothing, badges, masked fields, money."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline

from lending.common import clock
from lending.common.money import format_cents

# The five colours of the visual system: what waits, what is done, what is wrong, what moves, what rests.
COLOURS = {"amber": "warning", "green": "success", "red": "danger", "teal": "info", "grey": "default"}


class ReadOnlyAdmin(ModelAdmin):
    """A list and a page without add, change or delete; what changes rows is an action that calls a service."""

    list_per_page = 50
    show_full_result_count = False
    actions: Any = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class ReadOnlyInline(TabularInline):
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


def masked(field: str, mask: Callable[[str], str], description: str = "") -> Any:
    """A column that shows `field` through `mask`."""

    @admin.display(description=description or field.replace("_", " "))
    def column(self: Any, obj: models.Model) -> str:
        value = getattr(obj, field)
        return mask(value) if value else "-"

    return column


def money(field: str, description: str = "") -> Any:
    """A right-aligned amount from a `_cents` field."""

    @admin.display(description=description or field.removesuffix("_cents").replace("_", " "), ordering=field)
    def column(self: Any, obj: models.Model) -> str | SafeString:
        value = getattr(obj, field)
        if value is None:
            return "-"
        return format_html('<span class="block text-right tabular-nums">{}</span>', format_cents(value))

    return column


def state_badge(field: str, colours: dict[str, str], description: str = "") -> Any:
    """The state as a badge; `colours` maps a state to amber, green, red, teal or grey (the default)."""
    from unfold.decorators import display

    labels = {state: COLOURS[colour] for state, colour in colours.items()}

    @display(description=description or field, ordering=field, label=labels)
    def column(self: Any, obj: models.Model) -> tuple[str, str]:
        value = getattr(obj, field)
        return value, getattr(obj, f"get_{field}_display", lambda: value)()

    return column


def age(field: str, description: str = "age") -> Any:
    """How long ago, in one unit: "3 h"."""

    @admin.display(description=description, ordering=field)
    def column(self: Any, obj: models.Model) -> str:
        value: datetime | None = getattr(obj, field)
        if value is None:
            return "-"
        seconds = int((clock.now() - value).total_seconds())
        for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
            if seconds >= size:
                return f"{seconds // size} {unit}"
        return f"{max(seconds, 0)} s"

    return column
