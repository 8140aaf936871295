"""How a test that commits leaves the database: with no rows but those that every database of ours has."""

from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from lending.common import remembered

KEPT = {ContentType._meta.db_table, Permission._meta.db_table}  # made from the models: the same for every test


def flush(_case: Any) -> None:
    """In place of Django's flush, which truncates every table and makes every permission anew: a second a test."""
    # Rows that nobody may delete, and rows that others point at, go like the rest.
    deletes = "".join(f"DELETE FROM {name}; " for name in [*filled(), "configuration_change"])
    with connection.cursor() as cursor:
        cursor.execute(f"SET session_replication_role = replica; {deletes} RESET session_replication_role")
    remembered.forget()


def filled() -> list[str]:
    """The tables of models that hold a row, but for those that every database of ours has."""
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - KEPT
    with connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in sorted(tables))
        )
        return [name for (name,) in cursor.fetchall()]
