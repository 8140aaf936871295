"""The bank's wire: payloads as agreed, replayed at the adapter, and the same bank played by the sandbox."""

import json
import time
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from funding import services
from funding.models import Allocation, HeadroomGuarantor
from funding.providers import CALLBACKS, FUNDERS, linjiang
from funding.providers.base import FunderAnswer, Submission
from lending.common import errors, http
from tests.factories import drawdowns
from tests.sandbox_server import SandboxClient

GOLDEN = sorted((Path(__file__).resolve().parents[1] / "golden" / "linjiang").glob("*.json"))
BANK = FUNDERS["linjiang-v1"]
SOON = timedelta(seconds=30)
ASKED = Submission(
    key="allocation-1",
    name="王建国",
    id_number="110105199006150017",
    phone="13900000001",
    amount_cents=1_000_000,
    months=12,
    annual_rate=Decimal("0.1440"),
    method="equal_instalment",
    purpose="education",
    product="LINE",
    grade="B",
    programme="LJB-G",
    guarantor="AHG",
    guarantee_rate=Decimal("0.0480"),
)
ACTS = {
    "submit": lambda: BANK.submit(ASKED),
    "query": lambda: BANK.query("allocation-1"),
    "withdraw": lambda: BANK.withdraw("allocation-1", "closed"),
}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_means_what_was_agreed(path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.VENDORS = {"linjiang": {"url": "https://bank.example", "secret": "s"}}
    settings.PUBLIC_URL = "https://callbacks.example"
    case, sent = json.loads(path.read_text(encoding="utf-8")), []

    def call(**asked: Any) -> Any:
        sent.append((asked["method"], asked["url"], asked["json"]))
        return case["answer"]

    monkeypatch.setattr(http, "call", call)
    expected = case["expected"]
    if "error" in expected:
        with pytest.raises(getattr(errors, expected["error"])) as caught:
            ACTS[case["act"]]()
        assert caught.value.code == expected["code"]
    else:
        answer = ACTS[case["act"]]()
        said = {"state": answer.state, "reference": answer.reference, "reason": answer.reason}
        said["valid_hours"] = answer.valid_for and answer.valid_for.total_seconds() / 3600
        assert {name: said[name] for name in expected} == expected
    assert sent == [("POST", "https://bank.example/linjiang/gateway", case["request"])]


@pytest.mark.parametrize(
    ("payload", "key", "state"),
    [
        ({"type": "LN2001", "data": {"key": "k", "appl_sts": "2"}}, "k", "accepted"),
        ({"type": "LN2001", "data": {"key": "k", "appl_sts": "7"}}, "k", None),
        ({"type": "LN2001", "data": {}}, "", None),
        ({"type": "LN2001", "data": "x"}, "", None),
        ({"type": "submission.decided", "data": {"key": "k", "appl_sts": "2"}}, "", None),
        ({}, "", None),
    ],
)
def test_reads_what_is_called_back(payload: dict[str, Any], key: str, state: str | None) -> None:
    callback = CALLBACKS["linjiang"][1](payload)
    told = callback.answer.state if isinstance(callback.answer, FunderAnswer) else None
    assert (callback.key, told) == (key, state)


@pytest.fixture
def allocation(at: datetime, sandbox: SandboxClient) -> Allocation:
    """About to be asked of the bank, which will approve at once."""
    sandbox.control("linjiang", approve_rate=1, decide_ms=[0, 0])
    return drawdowns.asking(at, candidates=["LJB", "HYF"])


def run(allocation: Allocation, now: datetime) -> str:
    services.run_allocation(allocation_id=allocation.pk, now=now)
    allocation.refresh_from_db()
    return allocation.state


def settled(allocation: Allocation, at: datetime) -> str:
    state = run(allocation, at)
    if state == "SUBMITTED":
        time.sleep(0.05)
        state = run(allocation, at + SOON)
    return state


class TestAgainstTheSandbox:
    def test_approves_for_a_day(self, at: datetime, sandbox: SandboxClient, allocation: Allocation) -> None:
        assert settled(allocation, at) == "ACCEPTED"
        assert allocation.approval_expires_at
        assert timedelta(hours=23) < allocation.approval_expires_at - at < timedelta(hours=25)
        body = next(c["body"]["body"] for c in sandbox.calls("linjiang") if c["body"]["head"]["txn_code"] == "LN1001")
        assert (body["appl_amt"], body["int_rate"], body["guar_rate"]) == ("10000.00", "9.6000", "4.8000")
        assert HeadroomGuarantor.objects.get().reserved_cents == 1_000_000

    def test_refuses_in_its_own_words(self, at: datetime, sandbox: SandboxClient, allocation: Allocation) -> None:
        sandbox.control("linjiang", approve_rate=0)
        assert settled(allocation, at) == "REFUSED"
        assert allocation.refusal[:4] in ("R101", "R205")
        assert HeadroomGuarantor.objects.get().reserved_cents == 0

    def test_a_busy_bank_is_asked_again(self, at: datetime, sandbox: SandboxClient, allocation: Allocation) -> None:
        sandbox.control("linjiang", force={"LJB-G": "busy"})
        assert run(allocation, at) == "RESERVED"
        sandbox.control("linjiang", force={})
        assert settled(allocation, at + SOON) == "ACCEPTED"
        assert {call["body"]["head"]["serial_no"] for call in sandbox.calls("linjiang")} == {allocation.key}

    @pytest.mark.parametrize("amount", ["0", "-1", "1.001", "NaN", "ten"])
    def test_the_bank_takes_no_such_amount(self, sandbox_url: str, settings: Settings, amount: str) -> None:
        body = {
            "cust_name": "x", "cert_no": "330106199003070129", "mobile": "1", "appl_tnr": "12", "int_rate": "1",
            "proj_no": "LJB-G", "guar_no": "AHG", "appl_amt": amount,
        }  # fmt: skip
        with pytest.raises(errors.PermanentError) as refused:
            linjiang._answer(linjiang._exchange("LN1001", f"amount {amount}", body))
        assert refused.value.code == "E0400"
