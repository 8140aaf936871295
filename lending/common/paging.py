"""Lists over tables of any size: a page is found by the key of its neighbour, and nothing is counted past a limit."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.paginator import Paginator
from django.db.models import Field, Model, Q, QuerySet
from django.http import HttpRequest
from unfold.views import ChangeList

COUNTED = 1000  # rows; beyond, a list says "1,000+"
AFTER, BEFORE = "after", "before"


@dataclass(frozen=True)
class Key:
    """One column of the order: its path, its field, and whether it falls."""

    path: str
    field: "Field[Any, Any]"
    falls: bool

    def of(self, row: Any) -> Any:
        for name in self.path.split("__"):
            row = getattr(row, name)
        return row


def keys(model: type[Model], ordering: Sequence[Any]) -> tuple[Key, ...]:
    """The order as keys, to the first unique column. Empty where a column may be null or is an expression: such an
    order has no place that a key could name."""
    found = []
    for name in ordering:
        key = _key(model, name) if isinstance(name, str) else None
        if key is None:
            return ()
        found.append(key)
        if key.field.unique and "__" not in key.path:
            break
    return tuple(found)


def _key(model: type[Model], name: str) -> Key | None:
    path, field = name.lstrip("-"), None
    owner: Any = model
    try:
        for part in path.split("__"):
            field = owner._meta.pk if part == "pk" else owner._meta.get_field(part)
            if field.null or not field.concrete:
                return None
            owner = field.related_model
    except (FieldDoesNotExist, AttributeError):
        return None
    if field is None or field.is_relation:
        return None
    return Key(path, field, name.startswith("-"))


def beyond(order: Sequence[Key], values: Sequence[Any], *, backwards: bool = False) -> Q:
    """Rows that come after `values` in that order. The first column also stands alone, for an index to start from."""
    found, equal = Q(), Q()
    for key, value in zip(order, values, strict=True):
        word = "lt" if key.falls != backwards else "gt"
        found |= equal & Q(**{f"{key.path}__{word}": value})
        equal &= Q(**{key.path: value})
    first, word = order[0], "lte" if order[0].falls != backwards else "gte"
    return found & Q(**{f"{first.path}__{word}": values[0]})


def cursor(order: Sequence[Key], row: Any) -> str:
    values = [key.of(row) for key in order]
    plain = [value.isoformat() if isinstance(value, datetime | date) else str(value) for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def values_of(order: Sequence[Key], text: str) -> list[Any]:
    """What a cursor names. Raises IncorrectLookupParameters where it was tampered with."""
    try:
        plain = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return [key.field.to_python(value) for key, value in zip(order, plain, strict=True)]
    except (ValueError, TypeError, ValidationError) as error:
        raise IncorrectLookupParameters(error) from error


class OnePage(Paginator):
    """What templates ask a paginator for."""

    template_name = "lending/office/pagination.html"


class KeysetList(ChangeList):
    """`older` and `newer` are the cursors of the neighbours, empty where there is none; `numbers` where the order has
    no key: such pages are numbered, as far as rows are counted."""

    result_list: Any

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        found: dict[str, Any] = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in (AFTER, BEFORE)}

    def get_results(self, request: HttpRequest) -> None:
        self.older = self.newer = ""
        self.numbers: list[int] = []
        counted = self.queryset.order_by()[: COUNTED + 1].count()
        self.result_count, self.uncounted = min(counted, COUNTED), counted > COUNTED
        order = keys(self.model, self.get_ordering(request, self.queryset))
        rows = self._by_key(request, order) if order else self._by_number()
        self.result_list = rows
        self.model_admin.prepare(rows)
        self.paginator = OnePage(rows, self.list_per_page)
        self.full_result_count, self.show_full_result_count = None, False
        self.show_admin_actions, self.can_show_all = True, False
        self.multi_page = counted > self.list_per_page

    def _by_key(self, request: HttpRequest, order: tuple[Key, ...]) -> list[Any]:
        backwards = BEFORE in request.GET
        text = request.GET.get(BEFORE if backwards else AFTER, "")
        page: QuerySet[Any] = self.queryset
        if text:
            page = page.filter(beyond(order, values_of(order, text), backwards=backwards))
        found = list((page.reverse() if backwards else page)[: self.list_per_page + 1])
        rows, more = found[: self.list_per_page], len(found) > self.list_per_page
        if backwards:
            rows.reverse()
        if rows and (more or backwards):
            self.older = cursor(order, rows[-1])
        if rows and text and (more or not backwards):
            self.newer = cursor(order, rows[0])
        return rows

    def _by_number(self) -> list[Any]:
        pages = -(-self.result_count // self.list_per_page) or 1
        self.numbers = list(range(1, pages + 1)) if pages > 1 else []
        number = min(max(self.page_num, 1), pages)
        start = (number - 1) * self.list_per_page
        return list(self.queryset[start : start + self.list_per_page])

    @property
    def older_link(self) -> str:
        return self.get_query_string({AFTER: self.older}, remove=[BEFORE])

    @property
    def newer_link(self) -> str:
        return self.get_query_string({BEFORE: self.newer}, remove=[AFTER])

    def get_query_string(self, new_params: Any = None, remove: Any = None) -> str:
        """A filter or another order begins at the first page again."""
        if not new_params or not {AFTER, BEFORE} & set(new_params):
            remove = [*(remove or ()), AFTER, BEFORE]
        text: str = super().get_query_string(new_params, remove)
        return text
