"""The register of sources: what the database refuses, what staff change and the shipped table leaves alone."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from lending.common.errors import Invalid
from users import queries
from users.models import Amendment, Drill, Source, StaffAct
from users.rules import freshness
from users.services import accounts, acts, amendments, configuration, drills, sources

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


def change(at: datetime, code: str = "bureau", **values: Any) -> None:
    sources.change(source_id=pk(code), values=values, by="system", reason="by contract", at=at)


class TestChange:
    def test_keeps_what_it_was_and_why_and_the_shipped_table_leaves_it(self, at: datetime) -> None:
        by = f"staff:{accounts.make_staff(username='boss', password='demo-only-2026', is_superuser=True, at=at)}"
        values = {"price_cents": 410, "freshness": {"drawdown": None}, "fallback": ""}
        sources.change(source_id=pk("bureau"), values=values, by=by, reason="new contract", at=at)
        configuration.load_sources()
        row = Source.objects.get(code="bureau")
        assert (row.price_cents, row.freshness, row.fallback, row.timeout_ms) == (410, {"drawdown": None}, None, 10_000)
        kept = Amendment.objects.order_by("field").values_list("field", "before", "after", "by", "reason")
        assert list(kept) == [
            ("fallback", "bureau_b", "-", by, "new contract"),
            ("freshness", "-", "drawdown once", by, "new contract"),
            ("price_cents", "3.50", "4.10", by, "new contract"),
        ]
        assert StaffAct.objects.get().subject == "source:bureau"

    @pytest.mark.parametrize(
        ("code", "values", "error"),
        [
            ("bureau", {"price_cents": 350}, sources.NothingChanged),
            ("bureau", {"price_cents": 100_001}, Invalid),
            ("bureau", {"price_cents": -1}, Invalid),
            ("bureau", {"timeout_ms": 30_001}, Invalid),
            ("bureau", {"retries": None}, Invalid),
            ("bureau", {"vendor": ""}, Invalid),
            ("bureau", {"dead": "perhaps"}, Invalid),
            ("bureau", {"freshness": {"credit": 3651}}, Invalid),
            ("bureau", {"freshness": {"elsewhere": 1}}, Invalid),
            ("bureau", {"currency": "eur"}, Invalid),
            ("bureau", {"currency": "EUR"}, sources.OtherCurrency),
            ("bureau", {"endpoint": "https://thief.example"}, Invalid),
            ("bureau", {"fallback": "bankflow"}, sources.OtherConsent),
            ("bureau", {"fallback": "nobody"}, Invalid),
            ("bureau", {"fallback": "bureau"}, sources.FallbackLoops),
            ("bureau_b", {"fallback": "bureau"}, sources.FallbackLoops),
            ("bureau", {"recipient": "bankflow_vendor"}, sources.OtherConsent),
            ("bankflow", {"recipient": "bureau"}, sources.NoSuchConsent),
            ("bankflow", {"consent_code": "bureau_query"}, sources.NoSuchConsent),
        ],
        ids=str,
    )
    def test_refuses_by_name_and_changes_nothing(
        self, at: datetime, code: str, values: dict[str, Any], error: type[Exception]
    ) -> None:
        before = Source.objects.filter(code=code).values().get()
        with pytest.raises(error), transaction.atomic():
            change(at, code, **values)
        assert Source.objects.filter(code=code).values().get() == before
        assert not Amendment.objects.exists()

    def test_staff_without_the_permission_change_nothing(self, at: datetime) -> None:
        by = f"staff:{accounts.make_staff(username='clerk', password='demo-only-2026', at=at)}"
        why = {"source_id": pk("bureau"), "by": by, "reason": "by contract", "at": at}
        for act in (
            lambda: sources.change(values={"price_cents": 1}, **why),
            lambda: sources.switch(on=False, **why),
            lambda: sources.add(values=NEW, by=by, reason="by contract", at=at),
            lambda: sources.connect(endpoint="/v2", client_id="", secret="", **why),
            lambda: drills.start(mode="dead", minutes=5, **why),
        ):
            with pytest.raises(acts.NotAllowed), transaction.atomic():
                act()


NEW: dict[str, Any] = {
    "code": "bureau_c",
    "stage": 3,
    "scenario": "credit",
    "protocol": "risk-v1",
    "endpoint": "https://c.example/v1",
    "name_en": "Third bureau",
    "name_zh": "第三征信",
    "vendor": "Third",
    "product": "Report",
    "price_cents": 299,
    "currency": "CNY",
    "timeout_ms": 4000,
    "retries": 1,
    "pause_ms": 100,
    "max_parallel": 20,
    "fresh_days": 30,
    "freshness": {"drawdown": 7},
    "retention_days": 365,
    "fallback": "",
    "dead": "refer",
    "consent_code": "bureau_query",
    "recipient": "bureau",
    "authorisation": "",
}


class TestAdd:
    def test_begins_switched_off_with_a_history(self, at: datetime) -> None:
        by = f"staff:{accounts.make_staff(username='boss', password='demo-only-2026', is_superuser=True, at=at)}"
        row = Source.objects.get(pk=sources.add(values=NEW, by=by, reason="a third one", at=at))
        assert (row.enabled, row.credentials, row.price_cents, row.protocol) == (False, None, 299, "risk-v1")
        kept = dict(Amendment.objects.filter(subject="source:bureau_c").values_list("field", "after"))
        assert (kept["enabled"], kept["price_cents"], kept["freshness"]) == ("off", "2.99", "drawdown 7")
        assert StaffAct.objects.get().act == "add_source"
        change(at, "bureau_b", fallback="bureau_c")
        with pytest.raises(sources.NoCredentials), transaction.atomic():
            sources.switch(source_id=row.pk, on=True, by="system", reason="signed", at=at)

    @pytest.mark.parametrize(
        ("values", "error", "field"),
        [
            ({"code": "bureau"}, sources.CodeTaken, "code"),
            ({"code": "Bureau C"}, Invalid, "code"),
            ({"protocol": "telepathy"}, sources.UnknownProtocol, "protocol"),
            ({"protocol": "internal"}, sources.UnknownProtocol, "protocol"),
            ({"endpoint": "http://thief.example"}, sources.BadAddress, "endpoint"),
            ({"endpoint": ""}, sources.BadAddress, "endpoint"),
            ({"stage": 10}, Invalid, "stage"),
            ({"scenario": "elsewhere"}, Invalid, "scenario"),
            ({"timeout_ms": 0}, Invalid, "timeout_ms"),
            ({"name_zh": ""}, Invalid, "name_zh"),
            ({"fallback": "nobody"}, Invalid, "fallback"),
            ({"fallback": "aml"}, sources.OtherConsent, "fallback"),
            ({"recipient": "somebody"}, sources.NoSuchConsent, "recipient"),
            ({"enabled": True}, Invalid, "enabled"),
        ],
        ids=str,
    )
    def test_refuses_by_field_and_adds_nothing(
        self, at: datetime, values: dict[str, Any], error: type[Exception], field: str
    ) -> None:
        with pytest.raises(error) as caught, transaction.atomic():
            sources.add(values=NEW | values, by="system", reason="a third one", at=at)
        assert set(caught.value.data["fields"]) == {field}  # type: ignore[attr-defined]
        assert not Amendment.objects.exists()


class TestConnect:
    WHY = {"by": "system", "reason": "by contract"}

    def test_replaces_credentials_encrypted_and_tells_only_that(self, at: datetime) -> None:
        sources.connect(
            source_id=pk("bureau"), endpoint="https://b.example/v2", client_id="we", secret="s3cret", at=at, **self.WHY
        )
        source = queries.source("bureau")
        assert (source.endpoint, source.client_id, source.secret) == ("https://b.example/v2", "we", "s3cret")
        with connection.cursor() as cursor:
            cursor.execute("SELECT credentials FROM users_source WHERE code = 'bureau'")
            assert b"s3cret" not in bytes(cursor.fetchone()[0])
        kept = set(Amendment.objects.values_list("field", "before", "after"))
        assert kept == {
            ("endpoint", "/risk/bureau/v1/query", "https://b.example/v2"),
            ("credentials", "set", "replaced"),
        }
        configuration.load_sources()
        assert queries.source("bureau").secret == "s3cret"

    @pytest.mark.parametrize(
        "endpoint",
        ["", "bureau", "//b.example/v2", "http://b.example", "ftp://b.example", "https://", "https://us:pw@b.example"],
    )
    def test_refuses_an_address_that_data_must_not_go_to(self, at: datetime, endpoint: str) -> None:
        with pytest.raises(sources.BadAddress):
            sources.connect(source_id=pk("bureau"), endpoint=endpoint, client_id="", secret="", at=at, **self.WHY)

    def test_refuses_half_of_the_credentials_and_an_address_for_what_is_answered_inside(self, at: datetime) -> None:
        with pytest.raises(Invalid):
            sources.connect(source_id=pk("bureau"), endpoint="/v2", client_id="we", secret="", at=at, **self.WHY)
        with pytest.raises(sources.BadAddress):
            sources.connect(source_id=pk("lists"), endpoint="/v2", client_id="", secret="", at=at, **self.WHY)


class TestSwitch:
    def test_off_and_on(self, at: datetime) -> None:
        for on in (False, True):
            sources.switch(source_id=pk("bureau"), on=on, by="system", reason="by contract", at=at)
            assert queries.source("bureau").enabled is on
        with pytest.raises(sources.NothingChanged):
            sources.switch(source_id=pk("bureau"), on=True, by="system", reason="by contract", at=at)

    def test_needs_credentials(self, at: datetime) -> None:
        Source.objects.filter(code="face_b").update(credentials=None)
        with pytest.raises(sources.NoCredentials):
            sources.switch(source_id=pk("face_b"), on=True, by="system", reason="by contract", at=at)


class TestFreshness:
    @pytest.mark.parametrize("text", ["credit once, drawdown 7", "antifraud every time", "-"])
    def test_is_read_as_it_is_told(self, text: str) -> None:
        assert freshness.told(freshness.parsed(text)) == text

    @pytest.mark.parametrize("text", ["credit", "7", "credit 7 days", "credit 7, credit 8", "credit -1", "credit ٧"])
    def test_refuses_what_it_does_not_understand(self, text: str) -> None:
        with pytest.raises(freshness.NotAFreshness):
            freshness.parsed(text)


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
