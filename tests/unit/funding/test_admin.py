"""Every table of funding has a list and a page, shows money and states, and lets nobody edit."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from funding import services
from funding.admin.rows import explained
from funding.models import Claim, FunderStatement
from funding.providers.base import PaymentAnswer
from lending.models import Loan
from tests.factories import drawdowns


@pytest.fixture
def back_office(at: datetime) -> Client:
    """Signed in as somebody who may see everything."""
    staff = get_user_model().objects.create_superuser("viewer", password="long enough to be one", created_at=at)
    client = Client()
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def _everything(at: datetime) -> None:
    """One row of each table."""
    allocation = drawdowns.signed(at, candidates=["LJB"])
    payout_id = services.start_payout(drawdown_id=allocation.drawdown_id, at=at)
    assert payout_id
    services.settle_payout(payout_id=payout_id, answer=PaymentAnswer("succeeded", moved_cents=1_000_000), at=at)
    loan = Loan.objects.get()
    services.start_collection(loan_id=loan.pk, amount_cents=50_000, key="k", by="system", at=at)
    Claim.objects.create(
        loan=loan, guarantor_id="AHG", creditor="HYF", dpd=61, principal_cents=1, interest_cents=0,
        guarantee_fee_cents=0, penalty_cents=0, amount_cents=1, business_date=at.date(), at=at,
    )  # fmt: skip
    at = at + timedelta(days=60)
    services.settle_due(at=at)
    said: dict[str, Any] = {"month": date(2026, 3, 1), "reason": "as a test", "by": "system", "at": at}
    services.draft_statement(party_code="LJB", **said)
    services.handle_callback(provider="payment", event_id="e", payload={"type": "payout.x"}, at=at)


@pytest.mark.usefixtures("_everything")
def test_every_table_has_a_list_and_a_read_only_page(back_office: Client) -> None:
    models = list(apps.get_app_config("funding").get_models())
    for model in models:
        assert model in admin.site._registry, model
        base = f"admin:funding_{model._meta.model_name}"
        row = model._default_manager.first()
        assert row is not None, model
        listed = back_office.get(reverse(f"{base}_changelist"))
        page = back_office.get(reverse(f"{base}_change", args=[row.pk]))
        assert (listed.status_code, page.status_code) == (200, 200), model
        assert back_office.get(reverse(f"{base}_add")).status_code == 403
        assert back_office.post(reverse(f"{base}_change", args=[row.pk]), {}).status_code == 403
    assert len(models) == 18


@pytest.mark.usefixtures("_everything")
def test_lists_show_states_money_and_why(back_office: Client) -> None:
    payouts = back_office.get(reverse("admin:funding_payout_changelist")).content.decode()
    assert "¥10,000.00" in payouts
    board = back_office.get(reverse("admin:funding_headroomday_changelist")).content.decode()
    assert "¥290,000.00" in board
    allocation = drawdowns.Allocation.objects.get()
    page = back_office.get(reverse("admin:funding_allocation_change", args=[allocation.pk])).content.decode()
    assert "LJB-G" in page
    assert page.count('scope="row">enabled</th>') == 4
    assert "¥1,000.00 to ¥30,000.00" in page
    assert page.count('scope="row">guarantor</th><td class="num">¥') == 1  # as it was before this reservation
    assert page.count("¥30,000,000.00") >= 4


def test_an_explanation_of_before_the_caps_is_still_shown() -> None:
    rule = {"rule": "enabled", "passed": False, "value": False, "bound": True}
    old = {"programme": "LJB-G", "funder": "LJB", "eligible": False, "priority": 1, "rules": [rule]}
    shown = explained([old | {"headroom": {"free_today_cents": 1, "free_month_cents": 2}, "outcome": "not eligible"}])
    assert "<td>NO</td><td>no</td><td>yes</td>" in shown


@pytest.mark.usefixtures("_everything")
def test_a_statement_is_a_page_and_a_file(back_office: Client) -> None:
    pk = FunderStatement.objects.get().pk
    page = back_office.get(f"/admin/funding/funderstatement/{pk}/change/").content.decode()
    assert "-¥47.67" in page  # 29 days of 10,000.00 at 6 %
    assert "bank 6.0 % p.a. of the balance" in page
    file = back_office.get(f"/admin/funding/funderstatement/{pk}/csv/").content.decode("utf-8-sig").splitlines()
    assert [line.split(",")[7] for line in file] == ["Amount", "-47.67", "-47.67"]
    assert back_office.get("/admin/funding/funderstatement/999999/csv/").status_code == 404
