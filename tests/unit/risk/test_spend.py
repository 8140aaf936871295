"""What data costs: counted from every source, held to budgets that staff set, told once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from lending.common.clock import business_date
from lending.common.errors import DomainError, Invalid
from risk import queries, services
from risk.models import Budget
from risk.rules import budget as rules
from risk.services import spend
from tests.sandbox_server import SandboxClient
from tests.unit.risk.conftest import Apply
from users.models import Amendment, Check, Message, Notice, Source, User
from users.services import accounts, acts, messages
from users.services import configuration as users_configuration


@pytest.fixture
def decided(apply: Apply, at: datetime, sandbox: SandboxClient) -> int:
    """A whole application: eight pulls at 9.75, a check and a message; the id of its assessment."""
    assessment_id = apply(3)
    services.run_assessment(assessment_id=assessment_id, now=at)
    return assessment_id


def change(at: datetime, kind: str = "day", **values: Any) -> None:
    row = Budget.objects.get(kind=kind)
    facts = {"limit_cents": row.limit_cents, "alarm_percent": row.alarm_percent} | values
    spend.change(budget_id=row.pk, **({"by": "system", "reason": "as agreed", "at": at} | facts))


class TestRules:
    @pytest.mark.parametrize(
        ("used", "limit", "percent", "step"),
        [(399_999, 500_000, 80, 0), (400_000, 500_000, 80, 80), (499_999, 500_000, 80, 80), (500_000, 500_000, 80, 100),
         (649, 650, 100, 0), (650, 650, 100, 100), (5, 3, 200, 100), (6, 3, 200, 200)],
    )  # fmt: skip
    def test_the_alarm_is_reached_exactly(self, used: int, limit: int, percent: int, step: int) -> None:
        assert rules.reached(used, limit, percent) == step
        assert (used >= rules.alarm_cents(limit, percent)) == (used * 100 >= limit * percent)

    def test_few_make_no_average(self) -> None:
        assert (rules.average(1900, 19), rules.average(2001, 20)) == (None, 101)


class TestSpend:
    def test_counts_pulls_checks_and_messages_by_vendor_and_day(self, decided: int, at: datetime) -> None:
        today = business_date(at)
        before = queries.spend_period(today, today)
        assert before.by_vendor[0][0] in ("First Bureau", "Second Bureau")
        message_id = messages.queue(phone="13500000011", template="card_fix", params={}, key="spend-1", at=at)
        messages.run_message(message_id=message_id, now=at)
        after = queries.spend_period(today, today)
        assert Message.objects.get(pk=message_id).price_cents == 5
        assert after.spent_cents - before.spent_cents == 5
        assert ("Kuaixin Messaging", 5) in {(name, cents) for name, _, cents in after.by_vendor}
        spent_on_checks = sum(Check.objects.exclude(checked_at=None).values_list("price_cents", flat=True))
        pulled = sum(
            row.spent_cents for row in after.rows if row.source in ("blacklist", "aml", "multi_lender", "bureau")
        )
        assert pulled == 60 + 15 + 120 + 350
        assert sum(row.spent_cents for row in after.rows if row.source in ("id2", "id2_b")) == spent_on_checks
        assert (after.applications, after.application_cents) == (1, after.most_cents)
        assert queries.spend_period(today + timedelta(days=1), today + timedelta(days=1)).rows == ()
        assert queries.spend_on(today).spent_cents == after.spent_cents

    def test_a_dearer_price_leaves_what_was_spent(self, decided: int, at: datetime) -> None:
        today = business_date(at)
        before = queries.spend_period(today, today).spent_cents
        Source.objects.update(price_cents=99_999)
        assert queries.spend_period(today, today).spent_cents == before


class TestWatch:
    def test_tells_once_at_the_alarm_and_once_more_when_it_is_used_up(self, decided: int, at: datetime) -> None:
        used = queries.budget_use("day", business_date(at)).used_cents
        assert used
        change(at, limit_cents=used * 100 // 80, alarm_percent=81)
        assert spend.run_watch(now=at) == 0
        change(at, alarm_percent=80)
        assert [spend.run_watch(now=at), spend.run_watch(now=at)] == [1, 0]
        notice = Notice.objects.get(kind="data_budget")
        assert (notice.times, notice.severity, notice.subject) == (1, "warning", f"budget:{Budget.objects.first().pk}")
        change(at, limit_cents=used)
        assert [spend.run_watch(now=at), spend.run_watch(now=at)] == [1, 0]
        notice.refresh_from_db()
        assert (notice.times, notice.severity) == (2, "critical")

    def test_a_new_day_begins_at_nothing(self, decided: int, at: datetime) -> None:
        change(at, limit_cents=1)
        assert spend.run_watch(now=at) == 1
        assert spend.run_watch(now=at + timedelta(days=1)) == 0

    def test_an_average_needs_enough_applications(self, decided: int, at: datetime, monkeypatch: Any) -> None:
        change(at, "application", limit_cents=1)
        assert spend.run_watch(now=at) == 0
        monkeypatch.setattr(rules, "AT_LEAST", 1)
        assert spend.run_watch(now=at) == 1


class TestChange:
    def test_is_kept_and_the_shipped_budgets_leave_it(self, configured: None, at: datetime) -> None:
        change(at, limit_cents=600_000)
        spend.load()
        assert Budget.objects.get(kind="day").limit_cents == 600_000
        row = Amendment.objects.get()
        assert (row.field, row.before, row.after, row.reason) == ("limit_cents", "¥5,000.00", "¥6,000.00", "as agreed")

    @pytest.mark.parametrize(
        ("values", "error"),
        [
            ({}, spend.NothingChanged),
            ({"limit_cents": 0}, Invalid),
            ({"limit_cents": 10**9 + 1}, Invalid),
            ({"alarm_percent": 0}, Invalid),
            ({"alarm_percent": 201}, Invalid),
            ({"limit_cents": 1, "reason": "no"}, acts.ReasonRequired),
        ],
        ids=str,
    )
    def test_refuses_by_name(
        self, configured: None, at: datetime, values: dict[str, Any], error: type[DomainError]
    ) -> None:
        with pytest.raises(error), transaction.atomic():
            change(at, **({"by": staff(at, "admin", superuser=True)} | values))
        assert Budget.objects.get(kind="day").limit_cents == 500_000
        with pytest.raises(IntegrityError), transaction.atomic():
            Budget.objects.update(limit_cents=0)


def staff(at: datetime, name: str, group: str = "", *, superuser: bool = False) -> str:
    users_configuration.load_groups()
    pk = accounts.make_staff(username=name, password="demo-only-2026", is_superuser=superuser, at=at)
    if group:
        User.objects.get(pk=pk).groups.add(Group.objects.get(name=group))
    return f"staff:{pk}"


class TestPages:
    @pytest.fixture
    def sit(self, configured: None, at: datetime) -> Callable[[str], Client]:
        def sign_in(group: str) -> Client:
            staff(at, group, group)
            client = Client()
            assert client.login(username=group, password="demo-only-2026")
            return client

        return sign_in

    def test_show_the_spend_as_a_table_and_as_a_file(self, sit: Callable[[str], Client], decided: int) -> None:
        analyst = sit("analyst")
        page = analyst.get(reverse("admin:risk_spend"), {"days": "7"}).content.decode()
        for known in ("First Bureau", "Anjian Risk Data", "Per funded loan", "¥3.50"):
            assert known in page
        file = analyst.get(reverse("admin:risk_spend"), {"csv": "1"})
        lines = file.content.decode("utf-8-sig").splitlines()
        assert lines[0] == "day,vendor,source,asked,spent"
        assert "2026-03-02,First Bureau,bureau,1,3.50" in lines
        assert sit("customer_service").get(reverse("admin:risk_spend")).status_code == 403

    def test_change_a_budget_with_a_reason_only_for_who_may(self, sit: Callable[[str], Client]) -> None:
        row = Budget.objects.get(kind="day")
        place = reverse("admin:risk_budget_amount", args=[row.pk])
        asked = {"limit": "6000.00", "alarm_percent": "70", "reason": "more applications"}
        assert sit("auditor").post(place, asked).status_code == 403
        analyst = sit("analyst")
        for wrong in ({"limit": "1.005"}, {"limit": "0"}, {"alarm_percent": "0"}, {"reason": ""}, {"limit": "lots"}):
            assert analyst.post(place, asked | wrong).status_code == 200
        assert analyst.post(place, asked).status_code == 302
        row.refresh_from_db()
        assert (row.limit_cents, row.alarm_percent) == (600_000, 70)
        assert "more applications" in analyst.get(reverse("admin:risk_budget_change", args=[row.pk])).content.decode()

    def test_change_and_connect_a_source_without_ever_showing_a_secret(
        self, sit: Callable[[str], Client], configured: None
    ) -> None:
        source = Source.objects.get(code="bureau")
        operations, analyst = sit("operations"), sit("analyst")

        def place(name: str) -> str:
            return reverse("admin:users_source_set", args=[source.pk, name])

        asked = {
            "endpoint": "https://bureau.example/v2",
            "client_id": "we",
            "secret": "s3cret",
            "reason": "new contract",
        }
        assert analyst.post(place("connection"), asked).status_code == 403
        refused = operations.post(place("connection"), asked | {"endpoint": "http://bureau.example"})
        assert (refused.status_code, b"s3cret" in refused.content) == (200, False)
        assert operations.post(place("connection"), asked).status_code == 302
        source.refresh_from_db()
        assert source.credentials == {"client_id": "we", "secret": "s3cret"}
        seen = "".join(
            operations.get(address).content.decode()
            for address in (
                place("connection"),
                reverse("admin:users_source_change", args=[source.pk]),
                reverse("admin:users_source_changelist"),
                reverse("admin:users_amendment_changelist"),
            )
        )
        assert "new contract" in seen
        assert "s3cret" not in seen
        form = analyst.get(place("values")).context["form"]
        values = {name: form[name].value() for name in form.fields} | {"price": "4.10", "reason": "new contract"}
        for wrong in ({"price": "free"}, {"freshness": "soon"}, {"timeout_ms": "0"}, {"fallback": "bankflow"}):
            assert analyst.post(place("values"), values | wrong).status_code == 200, wrong
        assert analyst.post(place("values"), values).status_code == 302
        source.refresh_from_db()
        assert source.price_cents == 410
        assert analyst.get(place("nothing")).status_code == 404
