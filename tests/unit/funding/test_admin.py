"""Every table of funding has a list and a page, shows money and states, and lets nobody edit."""

from datetime import datetime

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from funding import services
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
    allocation = drawdowns.signed(at)
    payout_id = services.start_payout(drawdown_id=allocation.drawdown_id, at=at)
    assert payout_id
    services.settle_payout(payout_id=payout_id, answer=PaymentAnswer("succeeded", moved_cents=1_000_000), at=at)
    loan = Loan.objects.get()
    services.start_collection(loan_id=loan.pk, amount_cents=50_000, key="k", by="system", at=at)
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
    assert len(models) == 12


@pytest.mark.usefixtures("_everything")
def test_lists_show_states_money_and_why(back_office: Client) -> None:
    payouts = back_office.get(reverse("admin:funding_payout_changelist")).content.decode()
    assert "¥10,000.00" in payouts
    board = back_office.get(reverse("admin:funding_headroomday_changelist")).content.decode()
    assert "¥390,000.00" in board
    allocation = drawdowns.Allocation.objects.get()
    page = back_office.get(reverse("admin:funding_allocation_change", args=[allocation.pk])).content.decode()
    assert "LJB-G" in page
    assert "enabled: False / True" in page
