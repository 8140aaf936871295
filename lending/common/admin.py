"""Shared parts of the back office: lists that show everything and edit nothing, search, columns, badges, links."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from unfold.admin import ModelAdmin, TabularInline
from unfold.views import ChangeList

from lending.common import clock
from lending.common.money import format_cents, percent

# The five colours of the visual system: what waits, what is done, what is wrong, what moves, what rests.
COLOURS = {"amber": "warning", "green": "success", "red": "danger", "teal": "primary", "grey": "default"}


class PreparedList(ChangeList):
    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)
        self.result_list = rows
        self.model_admin.prepare(rows)


class ReadOnlyAdmin(ModelAdmin):
    """A list and a page without add, change or delete; what changes rows is an action that calls a service."""

    list_per_page = 50
    list_fullwidth = True
    show_full_result_count = False
    actions: Any = None

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return PreparedList

    def prepare(self, rows: Sequence[Any]) -> None:
        """Put on the rows of a page, at one go, what its columns cannot join."""

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


# --- search -------------------------------------------------------------------------------------------------------


def begins_with(path: str, term: str) -> Q:
    """Rows whose UUID at `path` begins with `term`, four or more hex digits, as a range that its index answers."""
    digits = term.replace("-", "").lower()
    if not 4 <= len(digits) <= 32 or set(digits) - set("0123456789abcdef"):
        return Q(pk__in=())
    return Q(**{f"{path}__gte": UUID(digits.ljust(32, "0")), f"{path}__lte": UUID(digits.ljust(32, "f"))})


class ExactSearch(ModelAdmin):
    """Search that never scans: the beginning of a public id, a whole code; subclasses add to `found`.

    `search_ids`: paths to UUID columns; `search_codes`: paths compared as typed.
    """

    search_ids: Sequence[str] = ("public_id",)
    search_codes: Sequence[str] = ()
    search_fields: Any = ("pk",)  # shows the field; the search is below
    search_help_text: Any = "The first characters of a public id, or a whole code"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(self.found(term)).distinct() if term else queryset), False

    def found(self, term: str) -> Q:
        found = Q(pk__in=())
        for path in self.search_ids:
            found |= begins_with(path, term)
        for path in self.search_codes:
            found |= Q(**{path: term})
        return found


# --- columns ------------------------------------------------------------------------------------------------------


def right(text: str) -> SafeString:
    return format_html('<span class="amount block text-right tabular-nums whitespace-nowrap">{}</span>', text)


def masked(field: str, mask: Callable[[str], str], description: str = "") -> Any:
    """A column that shows `field`, a path with dots, through `mask`."""

    @admin.display(description=description or field.replace("_", " "))
    def column(self: Any, obj: models.Model) -> str:
        value = follow(obj, field)
        return mask(value) if value else "-"

    return column


def follow(obj: Any, path: str) -> Any:
    """The attribute at a path with dots; None where something on the way is missing."""
    for name in path.split("."):
        obj = getattr(obj, name, None)
    return obj


def money(field: str, description: str = "", *, ordering: str | None = "") -> Any:
    """A right-aligned amount from a `_cents` field; `ordering=None` for a property, which no list can be ordered by."""

    @admin.display(
        description=description or field.removesuffix("_cents").replace("_", " "),
        ordering=field if ordering == "" else ordering,
    )
    def column(self: Any, obj: models.Model) -> SafeString:
        value = getattr(obj, field)
        return right("-" if value is None else format_cents(value))

    return column


def rate(field: str, description: str = "") -> Any:
    """A right-aligned fraction a year, as a percentage."""

    @admin.display(description=description or field.replace("_", " "), ordering=field)
    def column(self: Any, obj: models.Model) -> SafeString:
        value = getattr(obj, field)
        return right("-" if value is None else percent(value))

    return column


def badge(colour: str, text: object) -> SafeString:
    """`text` in one of the five colours, in lists and on pages alike."""
    return render_to_string("unfold/helpers/label.html", {"type": COLOURS[colour], "text": text})


def state_badge(field: str, colours: dict[Any, str], description: str = "") -> Any:
    """The state as a badge; `colours` maps a state to amber, green, red, teal or grey (the default)."""

    @admin.display(description=description or field, ordering=field)
    def column(self: Any, obj: models.Model) -> SafeString | str:
        value = getattr(obj, field)
        shown = getattr(obj, f"get_{field}_display", lambda: value)()
        return badge(colours.get(value, "grey"), shown) if value else "-"

    return column


def age(field: str, description: str = "age") -> Any:
    """How long ago, in one unit: "3 h"."""

    @admin.display(description=description, ordering=field)
    def column(self: Any, obj: models.Model) -> str | SafeString:
        value: datetime | None = getattr(obj, field)
        if value is None:
            return "-"
        return format_html('<span class="whitespace-nowrap" title="{}">{}</span>', stamp(value), _since(value))

    return column


def _since(value: datetime) -> str:
    seconds = int((clock.now() - value).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"


def instant(field: str, description: str = "") -> Any:
    """A moment in the market's time, to the minute and in figures of one width."""

    @admin.display(description=description or field.removesuffix("_at").replace("_", " "), ordering=field)
    def column(self: Any, obj: models.Model) -> str | SafeString:
        value: datetime | None = getattr(obj, field)
        if value is None:
            return "-"
        return format_html('<span class="tabular-nums whitespace-nowrap">{}</span>', stamp(value))

    return column


def day(field: str, description: str = "") -> Any:
    """A business day."""

    @admin.display(description=description or field.removesuffix("_date").replace("_", " "), ordering=field)
    def column(self: Any, obj: models.Model) -> str | SafeString:
        value: date | None = getattr(obj, field)
        if value is None:
            return "-"
        return format_html('<span class="tabular-nums whitespace-nowrap">{}</span>', value.isoformat())

    return column


def stamp(at: datetime) -> str:
    return f"{clock.local(at):%Y-%m-%d %H:%M}"


def short_id(field: str = "public_id", description: str = "number") -> Any:
    """The first eight characters of a public id, enough to search by; the whole one when pointed at."""

    @admin.display(description=description, ordering=field)
    def column(self: Any, obj: models.Model) -> SafeString:
        value = getattr(obj, field)
        return format_html('<span class="font-mono whitespace-nowrap" title="{}">{}</span>', value, str(value)[:8])

    return column


# --- links --------------------------------------------------------------------------------------------------------


def page_link(model: type[models.Model] | str, pk: object, text: object) -> SafeString:
    """A link to the page of a row; `model`, or its label where its app keeps it to itself. Text where there is none."""
    label = model if isinstance(model, str) else model._meta.label_lower
    try:
        address = reverse(f"admin:{label.replace('.', '_')}_change", args=[pk])
    except NoReverseMatch:
        return format_html("{}", text)
    return format_html('<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>', address, text)


def page_links(found: Sequence[SafeString]) -> SafeString | str:
    return format_html_join(mark_safe("<br>"), "{}", ((link,) for link in found)) if found else "-"


def linked(
    path: str, description: str = "", text: Callable[[Any], object] = str, page: type[models.Model] | None = None
) -> Any:
    """A link to the row at `path`, written as `text` of it; `page`: the model whose page it is, where not the row's."""

    @admin.display(description=description or path.rsplit(".", 1)[-1].replace("_", " "))
    def column(self: Any, obj: models.Model) -> SafeString | str:
        row = follow(obj, path)
        return "-" if row is None else page_link(page or type(row), row.pk, text(row))

    return column


def short(row: Any) -> str:
    """Of a row with a public id."""
    return str(row.public_id)[:8]
