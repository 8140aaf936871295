"""Every table of traffic has a list and a page, and lets nobody edit."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from lending.models import Application, Event
from tests.conftest import Clock
from tests.factories.applications import judged
from tests.factories.borrowers import borrower
from tests.factories.offers import chosen
from traffic import services
from traffic.models import (
    ChannelDay,
    ChannelOrder,
    JoinLink,
    Lead,
    PartnerCall,
    Precheck,
    PrecheckSubject,
    SettlementLine,
    Touch,
)
from traffic.providers.base import LeadAnswer
from users.services import accounts


def viewer(at: datetime) -> Client:
    client = Client()
    staff = get_user_model().objects.create_superuser("viewer", password="long enough to be one", created_at=at)
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_a_statement_is_a_file_too(at: datetime) -> None:
    application_id = judged(at, "decline", grade="E", reasons=("S01",), with_offer=False)
    for number, cents in enumerate((1800, -900)):
        SettlementLine.objects.create(
            channel_id="POCKET", kind=("fee", "clawback")[number], reason="lead", source=f"a test {number}",
            application_id=application_id, reverses=SettlementLine.objects.last(), amount_cents=cents, currency="CNY",
            earned_at=at, on_date=date(2026, 2, 10),
        )  # fmt: skip
    said = {"channel_code": "POCKET", "month": date(2026, 2, 1), "reason": "as a test", "by": "system", "at": at}
    pk = services.draft_statement(**said)
    client = viewer(at)
    page = client.get(f"/admin/traffic/channelstatement/{pk}/change/").content.decode()
    assert "¥9.00" in page
    file = client.get(f"/admin/traffic/channelstatement/{pk}/csv/").content.decode("utf-8-sig").splitlines()
    assert [line.split(",")[7] for line in file] == ["Amount", "18.00", "-9.00", "9.00"]
    assert client.get("/admin/traffic/channelstatement/999999/csv/").status_code == 404


def test_every_table_has_a_list_and_a_read_only_page(at: datetime) -> None:
    lead = chosen(at)
    application_id = lead.application_id
    services.push_status(event_id=Event.objects.latest("id").pk, at=at)
    Lead.objects.filter(pk=lead.pk).update(state="SENT", sent_at=at)
    services.settle_lead(lead_id=lead.pk, answer=LeadAnswer("paid", paid_cents=100_000), at=at)
    services.handle_callback(provider="bridge", event_id="e1", payload={"type": "unheard-of"}, at=at)
    user_id = borrower(at)
    PrecheckSubject.objects.create(channel_id="LOANHUB", user_id=user_id, digest="0" * 64)
    Precheck.objects.create(channel_id="LOANHUB", digest="0" * 8, answer="eligible", hit=False, at=at)
    JoinLink.objects.create(
        token_hash="0" * 64, channel_id="LOANHUB", user_id=user_id, made_at=at, expires_at=at + timedelta(minutes=10)
    )
    PartnerCall.objects.create(channel_id="LOANHUB", nonce="n" * 16, operation="events", at=at)
    Touch.objects.create(user_id=user_id, channel_id="LOANHUB", kind="session", at=at)
    ChannelDay.objects.create(channel_id="LOANHUB", date=at.date(), used=1)
    services.freeze_attribution(application_id=application_id, at=at)
    ChannelOrder.objects.create(
        channel_id="LOANHUB", external_id="1", application_id=application_id, request_sha256="0" * 64,
        details_taken=True, received_at=at,
    )  # fmt: skip
    SettlementLine.objects.create(
        channel_id="POCKET", kind="fee", reason="lead", source="a test", application_id=application_id,
        amount_cents=1800, currency="CNY", earned_at=at, on_date=date(2026, 2, 10),
    )  # fmt: skip
    services.draft_statement(channel_code="POCKET", month=date(2026, 2, 1), reason="as a test", by="system", at=at)
    client = viewer(at)
    for model in apps.get_app_config("traffic").get_models():
        base = f"admin:traffic_{model._meta.model_name}"
        row = model._default_manager.first()
        assert row is not None, model
        assert client.get(reverse(f"{base}_changelist")).status_code == 200, model
        page = client.get(reverse(f"{base}_change", args=[row.pk]))
        assert page.status_code == 200, model
        assert "sandbox-" not in page.content.decode()
        assert client.post(reverse(f"{base}_change", args=[row.pk]), {}).status_code == 403


class TestThePartnerConsole:
    PAGE = "/admin/traffic/partnercall/console/"

    def test_shows_channels_and_gives_each_table_as_a_file(self, at: datetime) -> None:
        PartnerCall.objects.create(
            channel_id="POCKET", nonce="n" * 16, operation="intake", at=datetime.now(UTC), status=409,
            code="cooling_off", ms=12,
        )  # fmt: skip
        client = viewer(at)
        page = client.get(self.PAGE, {"channel": "POCKET", "days": "7"}).content.decode()
        assert "intake: cooling off" in page
        assert [f"/channel/{code}/" in page for code in ("POCKET", "LOANHUB")] == [True, False]
        assert "Nothing in this period." in page  # no precheck, and no status
        for code in {"channels", *re.findall(r"csv=(\w+)", page)}:
            answer = client.get(self.PAGE, {"csv": code, "days": "7"})
            assert answer["Content-Type"] == "text/csv; charset=utf-8", code
        table = client.get(self.PAGE, {"csv": "verdicts"}).content.decode("utf-8-sig").splitlines()
        assert table[1] == "intake: cooling off,refused,1,100%"
        assert client.get(self.PAGE, {"csv": "nothing"}).status_code == 404

    @pytest.mark.parametrize("asked", [{"channel": "NOBODY"}, {"from": "soon", "to": "later"}, {"days": "-1"}])
    def test_what_cannot_be_read_is_everything_of_thirty_days(self, at: datetime, asked: dict[str, str]) -> None:
        page = viewer(at).get(self.PAGE, asked)
        assert page.status_code == 200
        assert (page.context["chosen"], page.context["span"].days) == ("", 30)

    def test_gives_the_file_of_a_day_that_is_over(self, at: datetime, clock: Clock) -> None:
        client = viewer(at)
        place = f"{self.PAGE}reconciliation/"
        judged(at, "decline", grade="E", reasons=("S01",), with_offer=False)
        Application.objects.update(channel_code="LOANHUB")
        ChannelOrder.objects.create(
            channel_id="LOANHUB", external_id="=1+1", application=Application.objects.get(), request_sha256="0" * 64,
            details_taken=True, received_at=at,
        )  # fmt: skip
        services.push_status(event_id=Event.objects.latest("id").pk, at=at)
        for wrong in ("2026-03-02", "soon", "", "0001-01-01"):
            assert client.get(place, {"channel": "LOANHUB", "day": wrong}).status_code == 302
        clock.move(days=1)
        found = client.get(place, {"channel": "LOANHUB", "day": "2026-03-02"}).content.decode("utf-8-sig").splitlines()
        assert found[0].startswith("seq,order_id,application_id,status,drawdown_id,loan_id,amount_cents,currency,")
        assert found[1].startswith("1,'=1+1,")  # a spreadsheet reckons nothing of what a partner sent
        assert client.get(place, {"channel": "NOBODY", "day": "2026-03-02"}).status_code == 404

    def test_is_for_who_may_see_the_calls(self, at: datetime) -> None:
        client = Client()
        pk = accounts.make_staff(username="someone", password="long enough to be one", at=at)
        client.force_login(get_user_model().objects.get(pk=pk), backend="django.contrib.auth.backends.ModelBackend")
        for place in (self.PAGE, f"{self.PAGE}reconciliation/"):
            assert client.get(place).status_code == 403
