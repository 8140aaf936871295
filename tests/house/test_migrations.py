"""The few migrations that stand for the many of before: all of those are as good, a part of them is refused."""

from collections import Counter

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from lending.common.migrating import stopped_in_between
from tests.house.source import APPS

Name = tuple[str, str]


def loaded(monkeypatch: pytest.MonkeyPatch, applied: list[Name]) -> MigrationLoader:
    """As over a database that has these."""
    monkeypatch.setattr(MigrationRecorder, "applied_migrations", lambda recorder: dict.fromkeys(applied))
    return MigrationLoader(connection)


def former(app: str) -> list[Name]:
    migrations = MigrationLoader(None).disk_migrations.values()
    return sorted(name for each in migrations if each.app_label == app for name in each.replaces)


class TestFormerMigrations:
    def test_each_is_replaced_once(self) -> None:
        assert set(Counter(name for app in APPS for name in former(app)).values()) == {1}

    def test_all_of_them_leave_nothing_to_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = loaded(monkeypatch, [name for app in APPS for name in former(app)])
        assert set(found.replacements) <= set(found.applied_migrations)
        assert stopped_in_between([connection.alias]) == []

    def test_none_of_them_is_a_beginning(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert not set(loaded(monkeypatch, []).applied_migrations)
        assert stopped_in_between([connection.alias]) == []

    @pytest.mark.parametrize("app", APPS)
    def test_a_database_that_stopped_in_between_is_refused(self, app: str, monkeypatch: pytest.MonkeyPatch) -> None:
        names = former(app)
        for count in range(1, len(names)):
            loaded(monkeypatch, names[:count])
            (error,) = stopped_in_between([connection.alias])
            assert f"of what {app}." in error.msg
