"""Every table of traffic has a list and a page, and lets nobody edit."""

from datetime import datetime

from django.apps import apps
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from lending.models import Event
from tests.factories.applications import judged
from traffic import services


def test_every_table_has_a_list_and_a_read_only_page(at: datetime) -> None:
    application_id = judged(at, "decline", grade="E", reasons=("S01",), with_offer=False)
    services.push_status(event_id=Event.objects.latest("id").pk, at=at)
    services.match_offers(application_id=application_id, trigger="declined", at=at)
    client = Client()
    staff = get_user_model().objects.create_superuser("viewer", password="long enough to be one", created_at=at)
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    for model in apps.get_app_config("traffic").get_models():
        base = f"admin:traffic_{model._meta.model_name}"
        row = model._default_manager.first()
        assert row is not None, model
        assert client.get(reverse(f"{base}_changelist")).status_code == 200, model
        page = client.get(reverse(f"{base}_change", args=[row.pk]))
        assert page.status_code == 200, model
        assert "sandbox-partner" not in page.content.decode()
        assert client.post(reverse(f"{base}_change", args=[row.pk]), {}).status_code == 403
