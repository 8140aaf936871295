"""Rows written in one statement, each with values of its own, whose SQL is made once."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import DEFAULT_DB_ALIAS, connection, connections, models


def update_rows(rows: Sequence[models.Model], names: Sequence[str], *, where: Mapping[str, Any]) -> set[int]:
    """Write these fields of every row whose columns in the table still say `where`. Returns the keys of those written.

    rows: of one model, each once. As `bulk_update`, which knows no `where` and takes a millisecond a row.
    """
    if not rows:
        return set()
    database = connections[DEFAULT_DB_ALIAS]  # looked up once: each use of the proxy `connection` looks again
    head, row, tail, fields, guards = _updating(type(rows[0]), tuple(names), tuple(where))
    values: list[Any] = []
    for each in sorted(rows, key=lambda each: each.pk):
        values += [each.pk, *_prepared(each, fields, database)]
    values += [field.get_db_prep_save(where[field.name], database) for field in guards]
    with database.cursor() as cursor:
        cursor.execute(head + row * (len(rows) - 1) + tail, values)
        return {found[0] for found in cursor.fetchall()}


def save(row: models.Model, names: Sequence[str] = ()) -> None:
    """The row's fields of these names, without any all of them. As `row.save`, which writes its statement anew.

    For a model that overrides neither `save` nor a column's `pre_save`. Raises ObjectDoesNotExist where it is gone.
    """
    names = names or [field.name for field in row._meta.concrete_fields if not field.primary_key]
    if not update_rows([row], names, where={}):
        raise ObjectDoesNotExist(f"There is no {row._meta.verbose_name} {row.pk} any more.")


@lru_cache(maxsize=128)
def _updating(
    model: type[models.Model], names: tuple[str, ...], where: tuple[str, ...]
) -> tuple[str, str, str, Sequence[Any], Sequence[Any]]:
    """The statement before, for each further row, and after; the fields of a row; those of the guard."""
    meta: Any = model._meta
    by_name = {field.name: field for field in meta.concrete_fields}
    fields, guards = [by_name[name] for name in names], [by_name[name] for name in where]
    quote = connection.ops.quote_name
    # The first row tells the types, without a length: a cast would cut what is too long, and say nothing.
    types = ", ".join(f"%s::{re.sub(r'varchar[(][0-9]+[)]', 'varchar', field.db_type(connection))}" for field in fields)
    table, key = quote(meta.db_table), quote(meta.pk.column)
    head = (
        f"UPDATE {table} SET "  # noqa: S608  all names are the model's
        + ", ".join(f"{quote(field.column)} = given.{quote(field.column)}" for field in fields)
        + f" FROM (VALUES (%s, {types})"
    )
    tail = (
        f") AS given ({key}, {', '.join(quote(field.column) for field in fields)}) WHERE {table}.{key} = given.{key}"
        + "".join(f" AND {table}.{quote(field.column)} = %s" for field in guards)
        + f" RETURNING {table}.{key}"
    )
    return head, f", ({', '.join(['%s'] * (len(fields) + 1))})", tail, fields, guards


def insert_rows(rows: Sequence[models.Model]) -> None:
    """One new row for each, which get their keys. As `bulk_create`, which takes three times the processor.

    rows: of one model that overrides neither `save` nor a column's `pre_save`.
    """
    if not rows:
        return
    for each, (key,) in zip(rows, _insert(rows, ""), strict=True):
        _is_in(each, key)


def insert_new(row: models.Model) -> bool:
    """As `insert_rows` of one; false where another row has a key of it that must be unique: nothing is written."""
    for (key,) in _insert([row], " ON CONFLICT DO NOTHING"):
        _is_in(row, key)
        return True
    return False


def _is_in(row: models.Model, key: Any) -> None:
    row.pk, row._state.adding, row._state.db = key, False, DEFAULT_DB_ALIAS


def _insert(rows: Sequence[models.Model], conflict: str) -> list[tuple[Any]]:
    database = connections[DEFAULT_DB_ALIAS]
    statement, fields = _inserting(type(rows[0]))
    values = [value for each in rows for value in _prepared(each, fields, database)]
    row = f"({', '.join(['%s'] * len(fields))})"
    with database.cursor() as cursor:
        cursor.execute(statement.format(rows=", ".join([row] * len(rows)), conflict=conflict), values)
        found: list[tuple[Any]] = cursor.fetchall()
    return found


def _prepared(row: models.Model, fields: Sequence[Any], database: Any) -> list[Any]:
    """For the driver. Most columns of a new row are empty, which every field writes as NULL."""
    values = [getattr(row, field.attname) for field in fields]
    return [
        None if value is None else field.get_db_prep_save(value, database)
        for field, value in zip(fields, values, strict=True)
    ]


@lru_cache(maxsize=64)
def _inserting(model: type[models.Model]) -> tuple[str, Sequence[Any]]:
    meta: Any = model._meta
    fields, quote = [field for field in meta.concrete_fields if not field.primary_key], connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in fields)
    table, key = quote(meta.db_table), quote(meta.pk.column)
    return f"INSERT INTO {table} ({columns}) VALUES {{rows}}{{conflict}} RETURNING {key}", fields  # noqa: S608  all names are the model's
