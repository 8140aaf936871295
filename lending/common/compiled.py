"""Reads whose SQL Django writes once a thread instead of at every call.

On the way of an assessment writing the same twenty statements again cost more processor than everything else together.
What a compiled read does is still said as a queryset, and rows come back as from any other.
"""

import inspect
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Expression, QuerySet
from django.db.transaction import TransactionManagementError

R = TypeVar("R")


class Place(Expression):
    """Where a value goes that only the call knows. It goes to the driver as it is: no number is encrypted on the
    way, no text made a date."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        return "%s", [self]


def filled(params: Iterable[Any], values: Mapping[str, Any]) -> list[Any]:
    """The parameters of a statement with a value in every place."""
    return [values[each.name] if isinstance(each, Place) else each for each in params]


class compiled(Generic[R]):
    """Of a function that builds a queryset from its arguments: called with the same by keyword, it gives the rows.

    Arguments are values to compare with, never None, lists or lengths: these would make another statement. No
    prefetching. A read that locks raises outside a transaction, as a queryset does.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, R]]) -> None:
        self._build, self._names = build, tuple(inspect.signature(build).parameters)
        self._kept = threading.local()
        self.__doc__ = build.__doc__

    def __call__(self, **values: Any) -> list[R]:
        if values.keys() != set(self._names) or None in values.values():
            raise TypeError(f"{self._build.__name__} takes {', '.join(self._names)}, none of them None")
        # A compiler belongs to one connection, that to one thread; and a thread may be given another.
        if getattr(self._kept, "connection", None) is not connections[DEFAULT_DB_ALIAS]:
            self._compile()
        rows, compiler, sql, params = self._kept.rows, self._kept.compiler, self._kept.sql, self._kept.params
        if rows.query.select_for_update and compiler.connection.get_autocommit():
            raise TransactionManagementError(f"{self._build.__name__} locks, and there is no transaction")
        compiler.as_sql = lambda *_, **__: (sql, filled(params, values))
        return list(rows._iterable_class(rows))

    def _compile(self) -> None:
        rows: Any = self._build(**{name: Place(name) for name in self._names})
        compiler: Any = rows.query.get_compiler(using=DEFAULT_DB_ALIAS)
        sql, params = compiler.as_sql()
        if {each.name for each in params if isinstance(each, Place)} != set(self._names):
            raise TypeError(f"{self._build.__name__} does not use all of its arguments")
        converters = compiler.get_converters([column for column, _, _ in compiler.select[: compiler.col_count]])
        compiler.get_converters = lambda _: converters
        rows.query.get_compiler = lambda *_, **__: compiler
        self._kept.rows, self._kept.compiler, self._kept.sql, self._kept.params = rows, compiler, sql, params
        self._kept.connection = compiler.connection
