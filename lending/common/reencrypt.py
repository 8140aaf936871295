"""Everything encrypted in the database, brought under the newest key, so that an older one can be taken out.

Which rows are left is in the values themselves (each begins with its key's id), so a stop in the middle is finished by
the next run, and a value that somebody writes meanwhile is never overwritten.
"""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction

from lending.common import crypto

BATCH = 500  # rows of one transaction


def columns() -> list[tuple[type[models.Model], crypto.EncryptedTextField]]:
    """Every encrypted column of the installation."""
    return [
        (model, field)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, crypto.EncryptedTextField)
    ]


def left(model: type[models.Model], field: crypto.EncryptedTextField) -> int:
    """How many values are under an older key."""
    table, column, _ = _names(model, field)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM {table} WHERE substr({column}, 1, 4) <> %s",  # noqa: S608  names of our own models
            [crypto.newest_id()],
        )
        return int(cursor.fetchone()[0])


def column(model: type[models.Model], field: crypto.EncryptedTextField, *, batch: int = BATCH) -> Iterator[int]:
    """Re-encrypt a column batch by batch, each in a transaction of its own; yields how many values each changed.

    Raises crypto.UnknownKey where a value's key is not listed any more.
    """
    table, column, pk = _names(model, field)
    last: Any = None
    while True:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            beyond = f"AND {pk} > %s" if last is not None else ""
            cursor.execute(
                f"SELECT {pk}, {column} FROM {table} WHERE substr({column}, 1, 4) <> %s {beyond} "  # noqa: S608
                f"ORDER BY {pk} LIMIT %s",
                [crypto.newest_id(), *([] if last is None else [last]), batch],
            )
            rows = [(key, bytes(value)) for key, value in cursor.fetchall()]
            if not rows:
                return
            changed = 0
            for key, value in rows:
                fresh = crypto.encrypt_bytes(crypto.decrypt_bytes(value))
                cursor.execute(
                    f"UPDATE {table} SET {column} = %s WHERE {pk} = %s AND {column} = %s",  # noqa: S608
                    [fresh, key, value],
                )
                changed += cursor.rowcount
            last = rows[-1][0]
        yield changed


def _names(model: type[models.Model], field: crypto.EncryptedTextField) -> tuple[str, str, str]:
    quote = connection.ops.quote_name
    return quote(model._meta.db_table), quote(field.column), quote(model._meta.pk.column)
