"""The register of sources: what the database refuses, what staff change and the shipped table leaves alone."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from users import queries
from users.models import Amendment, Drill, Source
from users.services import amendments, configuration

pytestmark = pytest.mark.usefixtures("tables")


def refused(code: str = "bureau", **values: Any) -> str:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        at_commit(code, values)
    return str(caught.value)


def at_commit(code: str, values: dict[str, Any]) -> None:
    Source.objects.filter(code=code).update(**values)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS users_source_fits IMMEDIATE")


def pk(code: str) -> int:
    return Source.objects.get(code=code).pk


class TestDatabase:
    @pytest.mark.parametrize(
        "values",
        [
            {"timeout_ms": 0},
            {"timeout_ms": 30_001},
            {"retries": 6},
            {"max_parallel": 0},
            {"retention_days": 0},
            {"fresh_days": 3651},
            {"currency": "yen"},
            {"dead": "perhaps"},
            {"freshness": {"credit": -1}},
            {"freshness": {"credit": 3651}},
            {"freshness": {"credit": 1.5}},
            {"freshness": {"credit": "7"}},
            {"freshness": {"elsewhere": 7}},
            {"freshness": [7]},
        ],
        ids=str,
    )
    def test_refuses_what_no_source_can_be(self, values: dict[str, Any]) -> None:
        assert "users_source_" in refused(**values)

    def test_refuses_a_fallback_that_leads_back(self) -> None:
        assert "source_fallback_loops" in refused("bureau_b", fallback_id=pk("bureau"))

    def test_refuses_a_fallback_under_another_consent(self) -> None:
        assert "source_other_consent" in refused(fallback_id=pk("bankflow"))
        assert "source_other_consent" in refused(recipient="somebody")

    def test_takes_a_source_and_its_fallback_to_another_consent_together(self) -> None:
        Source.objects.filter(code__in=("bureau", "bureau_b")).update(consent_code="service")
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS users_source_fits IMMEDIATE")

    def test_refuses_a_second_currency_among_those_switched_on(self) -> None:
        assert "source_other_currency" in refused(currency="EUR")
        Source.objects.filter(code="bureau").update(currency="EUR", enabled=False)

    def test_never_changes_the_history(self, at: datetime) -> None:
        amendments.record(
            subject="source:bureau", changed={"dead": ("refer", "stop")}, by="staff:1", reason="too many", at=at
        )
        row = Amendment.objects.get()
        for act in (row.save, row.delete):
            with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
                act()

    def test_allows_one_open_drill_a_source(self, at: datetime) -> None:
        def drill() -> None:
            Drill.objects.create(
                source_id=pk("bureau"), mode="dead", reason="a drill", started_by="staff:1", started_at=at,
                until=at + timedelta(minutes=5),
            )  # fmt: skip

        drill()
        with pytest.raises(IntegrityError, match="users_drill_one_open_a_source"), transaction.atomic():
            drill()


class TestView:
    def test_tells_how_old_an_answer_may_be_in_each_scenario(self) -> None:
        Source.objects.filter(code="bureau").update(fresh_days=30, freshness={"drawdown": 0, "antifraud": None})
        source = queries.source("bureau")
        assert [source.fresh_for(name) for name in ("credit", "drawdown", "antifraud")] == [30, 0, None]

    def test_tells_of_a_drill_until_it_is_over_and_only_where_drills_are_allowed(self, at: datetime, settings) -> None:
        until = at + timedelta(minutes=5)
        Drill.objects.create(
            source_id=pk("bureau"), mode="slow", reason="a drill", started_by="staff:1", started_at=at, until=until
        )
        source = queries.source("bureau")
        assert [source.drilled(at), source.drilled(until)] == ["slow", ""]
        assert queries.source("bureau_b").drilled(at) == ""
        settings.ALLOW_DRILLS = False
        assert queries.source("bureau").drilled(at) == ""


class TestLoad:
    def test_leaves_what_staff_changed_and_brings_the_rest(self, at: datetime) -> None:
        Source.objects.filter(code="bureau").update(price_cents=1, timeout_ms=1, fallback=None, enabled=False)
        changed = {"price_cents": ("350", "1"), "enabled": ("yes", "no"), "fallback": ("bureau_b", "-")}
        amendments.record(subject="source:bureau", changed=changed, by="staff:1", reason="by contract", at=at)
        configuration.load_sources()
        row = Source.objects.get(code="bureau")
        assert (row.price_cents, row.enabled, row.fallback) == (1, False, None)
        assert row.timeout_ms == 10_000
        assert Source.objects.get(code="bureau_b").enabled
