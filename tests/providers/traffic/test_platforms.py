"""The platforms' wires: payloads as agreed, replayed at the adapter, and what they call back over their door."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from pytest_django import Settings

from lending.common import errors, http
from tests.conftest import Clock
from tests.factories.configuration import configure
from tests.factories.offers import chosen
from traffic.models import Lead, PlatformCallback
from traffic.providers import CALLBACKS, PLATFORMS
from traffic.providers.base import LeadAnswer, Push

ANSWERS = Path(__file__).resolve().parents[1] / "golden"
GOLDEN = sorted(path for vendor in CALLBACKS for path in (ANSWERS / vendor).glob("*.json"))
TOLD = Push(
    key="lead-1",
    name="王建国",
    phone="13900000001",
    amount_cents=1_000_000,
    months=12,
    consent_id="11111111-2222-3333-4444-555555555555",
    consent_version="1",
    consent_given_at=datetime(2026, 3, 2, 2, tzinfo=UTC),
)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_means_what_was_agreed(path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.VENDORS = {name: {"url": "https://platform.example", "secret": "s"} for name in CALLBACKS}
    settings.PUBLIC_URL = "https://callbacks.example"
    case, sent = json.loads(path.read_text(encoding="utf-8")), []

    def call(**asked: Any) -> Any:
        sent.append(asked)
        return case["answer"]

    monkeypatch.setattr(http, "call", call)
    desk, expected = PLATFORMS[case["protocol"]], case["expected"]
    act = {
        "push": lambda: desk.push(TOLD),
        "query": lambda: desk.query("lead-1"),
        "precheck": lambda: desk.precheck(TOLD.phone),
    }[case["act"]]
    if "error" in expected:
        with pytest.raises(getattr(errors, expected["error"])) as caught:
            act()
        assert caught.value.code == expected["code"]
    else:
        said = act()
        found = vars(said) if isinstance(said, LeadAnswer) else {"takes": said}
        assert {name: found[name] for name in expected} == expected
    [asked] = sent
    wire = {"method": asked["method"], "path": asked["url"].removeprefix("https://platform.example")}
    wire |= {"form": asked["form"]} if asked["form"] is not None else {"json": asked["json"]}
    assert wire == case["request"]


def post(provider: str, event: dict[str, Any], secret: str = "") -> Any:
    body = json.dumps(event).encode()
    path, stamp = f"/callbacks/traffic/{provider}", str(int(time.time()))
    secret = secret or f"sandbox-{provider}"
    signature = http.sign(secret=secret, method="POST", path=path, timestamp=stamp, body=body)
    headers = {"X-Client-Id": provider, "X-Timestamp": stamp, "X-Signature": signature}
    return Client().post(path, body, content_type="application/json", headers=headers)


@pytest.mark.django_db(transaction=True)
class TestDoor:
    def test_settles_by_the_platforms_own_word_once_and_nobody_elses(
        self, clock: Clock, settings: Settings, sandbox_url: str
    ) -> None:
        settings.SANDBOX_URL = sandbox_url
        configure(clock.at, apps=("lending", "users", "traffic"))
        with transaction.atomic():
            lead = chosen(clock.at)
        Lead.objects.filter(pk=lead.pk).update(state="SENT", sent_at=clock.at)
        told = {"key": lead.key, "lead_no": "BR01", "status": "disbursed", "disbursed_amount": "8000.00"}
        paid = {"event_id": "e1", "type": "lead.paid", "occurred_at": "2026-03-02T02:00:00Z", "data": told}
        other = {"event_id": "e1", "type": "ORDER_NOTIFY", "data": {"key": lead.key, "state": "20"}}
        cases: list[tuple[str, dict[str, Any], str, tuple[int, str]]] = [
            ("bridge", paid, "wrong", (401, "unauthenticated")),
            ("nobody", paid, "", (404, "unknown_provider")),
            ("bridge", {"type": "lead.paid"}, "", (400, "malformed")),
            ("sunny", other, "", (200, "unknown_key")),
            ("bridge", paid | {"event_id": "e0", "data": told | {"status": "?"}}, "", (200, "ignored")),
            ("bridge", paid, "", (200, "applied")),
            ("bridge", paid, "", (200, "duplicate")),
            ("bridge", paid | {"event_id": "e2", "data": told | {"status": "approved"}}, "", (200, "late")),
        ]
        for provider, event, secret, (status, word) in cases:
            answer = post(provider, event, secret)
            said = answer.json()
            assert (answer.status_code, said.get("outcome") or said["code"]) == (status, word), event
        assert Client().get("/callbacks/traffic/bridge").status_code == 405
        lead.refresh_from_db()
        assert (lead.state, lead.paid_cents, lead.lines.count()) == ("PAID", 800_000, 1)
        assert PlatformCallback.objects.count() == 4
