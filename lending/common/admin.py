"""Shared parts of the back office: lists that show everything and edit nothing, search, columns, badges, links."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline

from lending.common.money import format_known, percent
from lending.common.paging import KeysetList
from lending.common.shown import badge, page_link, right, since, stamp


class AmountsShown:
    """Shows each `_cents` field of a page as an amount of money, under its name without the unit."""

    model: type[models.Model]

    def get_fieldsets(self, request: HttpRequest, obj: models.Model | None = None) -> Any:
        stored = {field.name for field in self.model._meta.fields if field.name.endswith("_cents")}
        return [
            (title, {**options, "fields": [_as_amounts(part, stored) for part in options["fields"]]})
            for title, options in super().get_fieldsets(request, obj)  # type: ignore[misc]
        ]


def _as_amounts(part: Any, stored: set[str]) -> Any:
    """A name, or a line of names."""
    if isinstance(part, list | tuple):
        return [_as_amounts(name, stored) for name in part]
    return _amount(part) if part in stored else part


def _amount(field: str) -> Callable[[models.Model], str]:
    @admin.display(description=field.removesuffix("_cents").replace("_", " "))
    def shown(obj: models.Model) -> str:
        return format_known(getattr(obj, field))

    return shown


class ReadOnlyAdmin(AmountsShown, ModelAdmin):
    """A list and a page without add, change or delete; what changes rows is an action that calls a service.

    `large`: a table that grows with the business; its list is ordered only by columns that have an index.
    """

    large = False
    list_per_page = 50
    list_fullwidth = True
    show_full_result_count = False
    actions: Any = None

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return KeysetList

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Without reading a large table for the values that a column happens to hold."""
        wanted = super().get_list_filter(request)
        if not self.large:
            return wanted
        return [(path, RecentValues) if _holds_any_value(self.model, path) else path for path in wanted]

    def get_sortable_by(self, request: HttpRequest) -> Any:
        names = super().get_sortable_by(request)
        if not self.large:
            return names
        quick = {"pk", "id", *_begun_by_an_index(self.model)}
        return [name for name in names if _order_of(self, name).lstrip("-") in quick]

    def prepare(self, rows: Sequence[Any]) -> None:
        """Put on the rows of a page, at one go, what its columns cannot join."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Django refuses the links of its own filter where the key of what is filtered by is a relation itself."""
        own = (name for name in self.list_filter if isinstance(name, str) and lookup.startswith(f"{name}__"))
        return super().lookup_allowed(lookup, value, request) or any(
            lookup == f"{name}__{field.target_field.name}__exact"
            for name in own
            if isinstance(field := self.opts.get_field(name), models.ForeignKey)
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class RecentValues(admin.AllValuesFieldListFilter):
    """Offers the values of the latest rows: all that are in use, at the price of reading those."""

    ROWS = 1000

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field, model = args[0], args[0].model
        latest = model._default_manager.order_by("-pk").values_list(field.name, flat=True)[: self.ROWS]
        self.lookup_choices: Any = sorted({value for value in latest if value not in (None, "")})


def _holds_any_value(model: type[models.Model], path: Any) -> bool:
    """A plain column: neither choices, nor a relation, a flag or a date, for which Django asks no distinct values."""
    if not isinstance(path, str):
        return False
    field = get_fields_from_path(model, path)[-1]
    return not (
        getattr(field, "choices", None)
        or field.is_relation
        or isinstance(field, models.BooleanField | models.DateField | models.DateTimeField)
    )


def _begun_by_an_index(model: type[models.Model]) -> set[str]:
    """Columns by which all rows can be read in order."""
    meta = model._meta
    single = {
        field.name
        for field in meta.fields
        if (field.unique or getattr(field, "db_index", False)) and not field.is_relation
    }
    whole = [index.fields_orders for index in meta.indexes if index.condition is None and index.fields_orders]
    return single | {orders[0][0] for orders in whole}


def _order_of(page: ModelAdmin, name: str) -> str:
    """The column by which a list column is ordered; "" where it is not."""
    column = getattr(page, name, None)
    return str(getattr(column, "admin_order_field", None) or "") if callable(column) else name


class ReadOnlyInline(AmountsShown, TabularInline):
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
        return right(format_known(value))

    return column


def rate(field: str, description: str = "") -> Any:
    """A right-aligned fraction a year, as a percentage."""

    @admin.display(description=description or field.replace("_", " "), ordering=field)
    def column(self: Any, obj: models.Model) -> SafeString:
        value = getattr(obj, field)
        return right("-" if value is None else percent(value))

    return column


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
        return format_html('<span class="whitespace-nowrap" title="{}">{}</span>', stamp(value), since(value))

    return column


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


def short_id(field: str = "public_id", description: str = "number") -> Any:
    """The first eight characters of a public id, enough to search by; the whole one when pointed at."""

    @admin.display(description=description, ordering=field)
    def column(self: Any, obj: models.Model) -> SafeString:
        value = getattr(obj, field)
        return format_html('<span class="font-mono whitespace-nowrap" title="{}">{}</span>', value, str(value)[:8])

    return column


# --- links --------------------------------------------------------------------------------------------------------


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
