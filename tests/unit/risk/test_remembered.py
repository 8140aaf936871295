"""Configuration that a process remembers: never older than the last commit, and never what was rolled back."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from lending.common import remembered
from risk.models import Scenario, Variable
from risk.services import register
from users.models import Source

ARGUMENTS = {"product": ("LINE",), "_bindings": ("credit", "decide"), "_under_way": (1,)}


def _enabled() -> bool:
    return register.asked()["bureau"].enabled


def _switch(on: bool) -> None:
    Source.objects.filter(code="bureau").update(enabled=on)


@pytest.mark.django_db
class TestOfOneProcess:
    def test_a_second_reading_costs_a_look(self, configured: None, django_assert_num_queries: Any) -> None:
        register.catalogue()
        with django_assert_num_queries(1):
            register.catalogue()
        with remembered.one_look(), django_assert_num_queries(0):
            register.catalogue()
            register.asked()

    def test_a_change_is_seen_at_once(self, configured: None) -> None:
        assert _enabled()
        _switch(False)
        assert not _enabled()

    def test_a_change_that_is_rolled_back_never_was(self, configured: None) -> None:
        assert _enabled()
        with transaction.atomic():
            _switch(False)
            assert not _enabled()
            transaction.set_rollback(True)
        assert _enabled()
        _switch(False)
        assert not _enabled()

    def test_within_a_look_it_stays_as_it_was(self, configured: None) -> None:
        with remembered.one_look():
            assert _enabled()
            _switch(False)
            assert _enabled()
        assert not _enabled()

    def test_every_table_that_is_remembered_is_watched(self, configured: None) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'configuration_changed'")
            watched = {name for (name,) in cursor.fetchall()}
        remembered.forget()
        read = set()
        for function in remembered.functions:
            with CaptureQueriesContext(connection) as queries:
                function(*ARGUMENTS.get(function.__name__, ()))
            assert len(queries) >= 1
            read |= {name for each in queries for name in re.findall(r'(?:FROM|JOIN) "(\w+)"', each["sql"])}
        # a release is never edited: what remembers one has its number from a watched table
        assert read - {"risk_release"} == watched

    def test_no_more_rows_than_a_look_takes_at_a_glance(self, configured: None) -> None:
        for _ in range(600):
            Scenario.objects.filter(code="credit").update(code="credit")
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM configuration_change")
            assert cursor.fetchone()[0] <= 500
        Variable.objects.filter(name="open_credits").update(nullable=False)
        assert not next(each for each in register.catalogue().specs["bureau"] if each.name == "open_credits").nullable


@pytest.mark.django_db(transaction=True)
def test_what_another_process_commits_counts_from_then_on(configured: None) -> None:
    def elsewhere(on: bool) -> None:
        _switch(on)
        connection.close()

    assert _enabled()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            pool.submit(elsewhere, False).result(timeout=10)
            assert not _enabled()
        pool.submit(elsewhere, True).result(timeout=10)
    assert _enabled()
