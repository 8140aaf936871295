"""Callbacks over real HTTP: signed by the sandbox, repeated and reordered, applied once."""

import json
import time
from collections.abc import Callable
from datetime import datetime

import pytest
from django.db import transaction
from django.test import Client
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from funding import services
from funding.models import CallbackEvent, Payout
from lending.common import http
from lending.models import Drawdown, Loan
from lending.services import drawdowns as lending
from tests.conftest import Clock
from tests.factories import drawdowns
from tests.factories.configuration import configure
from tests.sandbox_server import SandboxClient

PATH = "/callbacks/funding/payment"


def post(body: bytes, *, secret: str = "sandbox-payment", path: str = PATH) -> tuple[int, dict[str, object]]:
    timestamp = str(int(time.time()))
    signature = http.sign(secret=secret, method="POST", path=path, timestamp=timestamp, body=body)
    answer = Client().post(
        path,
        body,
        content_type="application/json",
        headers={"X-Client-Id": "payment", "X-Timestamp": timestamp, "X-Signature": signature},
    )
    return answer.status_code, json.loads(answer.content)


def event(payout: Payout, event_id: str = "e1", status: str = "succeeded") -> bytes:
    data = {"key": payout.key, "kind": "payout", "status": status, "amount_cents": payout.amount_cents}
    return json.dumps({"event_id": event_id, "type": f"payout.{status}", "data": data}).encode()


class TestDoor:
    @pytest.fixture
    def payout(self, at: datetime) -> Payout:
        allocation = drawdowns.signed(at)
        return Payout.objects.get(pk=services.start_payout(drawdown_id=allocation.drawdown_id, at=at))

    def test_refuses_who_calls_about_nobody_and_what_it_cannot_read(self, payout: Payout) -> None:
        status, body = post(event(payout), path="/callbacks/funding/nobody")
        assert (status, body["code"]) == (404, "unknown_provider")
        for event_id in (None, 1, "", "e" * 121, ["e"]):
            status, body = post(json.dumps({**json.loads(event(payout)), "event_id": event_id}).encode())
            assert (status, body["code"]) == (400, "malformed"), event_id
        assert not CallbackEvent.objects.exists()

    def test_only_posts(self, db: None) -> None:
        assert Client().get(PATH).status_code == 405


@pytest.mark.django_db(transaction=True)
def test_a_whole_drawdown_is_told_by_callbacks_twice_and_out_of_order(
    clock: Clock, sandbox: SandboxClient, live_server: LiveServer, settings: Settings
) -> None:
    settings.PUBLIC_URL = live_server.url
    configure(clock.at, apps=("lending", "users", "funding"))
    sandbox.control("heyue", approve_rate=1, decide_ms=[50, 100], duplicate_callbacks=2)
    sandbox.control("payment", settle_ms=[50, 100], return_ms=[20, 50], duplicate_callbacks=2, reorder_callbacks=True)
    with transaction.atomic():
        allocation = drawdowns.asking(clock.at)
    services.run_allocation(allocation_id=allocation.pk, now=clock.at)
    wait(lambda: status(allocation.drawdown_id) == "SIGNING")
    with transaction.atomic():
        lending.signed(drawdown_id=allocation.drawdown_id, contract_set_sha256=drawdowns.SET_SHA256, at=clock.at)
        payout_id = services.start_payout(drawdown_id=allocation.drawdown_id, at=clock.at)
    assert payout_id
    sandbox.control("payment", force={Payout.objects.get(pk=payout_id).key: "returned"})
    services.run_payout(payout_id=payout_id, now=clock.at)
    wait(lambda: status(allocation.drawdown_id) == "RETURNED")
    wait(lambda: CallbackEvent.objects.filter(provider="payment").count() == 2)
    assert Loan.objects.get().status == "CANCELLED"
    assert CallbackEvent.objects.filter(provider="heyue").count() == 1


def status(drawdown_id: int) -> str:
    return Drawdown.objects.get(pk=drawdown_id).status


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not until():
        assert time.monotonic() < deadline, "nothing was called back in time"
        time.sleep(0.02)
