"""A database of a benchmark's own: made, filled with committed rows, and dropped again."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection


@contextmanager
def own_database() -> Iterator[str]:
    """Its name; the connections of this process and of its threads go to it. Raises CommandError in production."""
    if not getattr(settings, "DEMO_CLOCK", False):
        raise CommandError("This makes a database: development settings only.")
    former = str(connection.settings_dict["NAME"])
    made = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield made
    finally:
        connection.creation.destroy_test_db(former, verbosity=0)
