"""The funder's wire against the sandbox: asked once under one key, whatever the line does."""

import time
from datetime import datetime, timedelta

import pytest
from pytest_django import Settings

from funding import services
from funding.models import Allocation, HeadroomDay
from lending.models import Drawdown
from lending.services import drawdowns as lending
from tests.factories import drawdowns
from tests.sandbox_server import SandboxClient
from users import queries as users
from users.models import Notice

SOON = timedelta(seconds=30)


@pytest.fixture
def allocation(at: datetime, sandbox: SandboxClient) -> Allocation:
    """About to be asked; the funder will approve at once."""
    sandbox.control("heyue", approve_rate=1, decide_ms=[0, 0])
    return drawdowns.asking(at)


def run(allocation: Allocation, now: datetime) -> str:
    assert services.run_allocation(allocation_id=allocation.pk, now=now)
    allocation.refresh_from_db()
    return allocation.state


def posts(sandbox: SandboxClient, allocation: Allocation) -> int:
    calls = sandbox.calls("heyue", path="/heyue/v1/submissions")
    return sum(call["method"] == "POST" and call["body"]["key"] == allocation.key for call in calls)


def test_submits_what_the_funder_needs_and_is_approved_by_query(
    at: datetime, sandbox: SandboxClient, allocation: Allocation
) -> None:
    assert run(allocation, at) in ("SUBMITTED", "ACCEPTED")
    time.sleep(0.05)
    if allocation.state == "SUBMITTED":
        assert not services.run_allocation(allocation_id=allocation.pk, now=at)  # the callback is waited for first
        assert run(allocation, at + SOON) == "ACCEPTED"
    body = next(c["body"] for c in sandbox.calls("heyue") if c["method"] == "POST")
    person = users.person(allocation.user_id)
    assert body["applicant"] == {"name": person.name, "id_number": person.id_number, "phone": person.phone}
    assert (body["amount_cents"], body["months"], body["annual_rate"], body["grade"]) == (1_000_000, 12, "0.1440", "B")
    assert allocation.reference
    assert allocation.approval_expires_at
    assert timedelta(hours=23) < allocation.approval_expires_at - at < timedelta(hours=25)
    assert Drawdown.objects.get(pk=allocation.drawdown_id).status == "SIGNING"


def test_a_refusal_by_the_funder_releases_and_keeps_its_words(
    at: datetime, sandbox: SandboxClient, allocation: Allocation
) -> None:
    sandbox.control("heyue", approve_rate=0)
    run(allocation, at)
    if allocation.state == "SUBMITTED":
        run(allocation, at + SOON)
    assert allocation.state == "REFUSED"
    assert allocation.refusal.startswith("hy_")
    assert HeadroomDay.objects.get().reserved_cents == 0
    assert Drawdown.objects.get(pk=allocation.drawdown_id).status == "ROUTING"


def test_a_request_the_funder_does_not_accept_goes_to_the_next_one_and_to_people(
    at: datetime, allocation: Allocation, settings: Settings
) -> None:
    settings.VENDORS = {"heyue": {"url": settings.SANDBOX_URL, "secret": "wrong"}}
    assert run(allocation, at) == "RELEASED"
    assert allocation.release_cause == "no_answer"
    assert Notice.objects.get(kind="submission_refused").subject == "funder:HYF"
    services.allocate(drawdown_id=allocation.drawdown_id, at=at)
    assert Allocation.objects.latest("id").recipient == "QTX"


def test_without_an_address_it_waits(at: datetime, allocation: Allocation, settings: Settings) -> None:
    settings.SANDBOX_URL = ""
    assert run(allocation, at) == "RESERVED"
    assert "no address" in allocation.last_error


def test_a_funder_that_was_asked_is_told_when_it_is_no_longer_needed(
    at: datetime, sandbox: SandboxClient, allocation: Allocation
) -> None:
    sandbox.control("heyue", decide_ms=[60_000, 60_000])
    assert run(allocation, at) == "SUBMITTED"
    lending.cancel(drawdown_id=allocation.drawdown_id, by=f"user:{allocation.user_id}", at=at)
    services.release(drawdown_id=allocation.drawdown_id, at=at)
    sandbox.control("heyue", error_rate=1)
    assert run(allocation, at) == "RELEASED"
    assert allocation.withdraw_due
    sandbox.control("heyue", error_rate=0)
    assert run(allocation, at + SOON) == "RELEASED"
    assert not allocation.withdraw_due
    assert any(call["path"].endswith(f"{allocation.key}/withdraw") for call in sandbox.calls("heyue"))


def test_the_own_book_answers_without_a_wire(at: datetime, sandbox: SandboxClient) -> None:
    allocation = drawdowns.asking(at, candidates=["QTX"])
    assert run(allocation, at) == "ACCEPTED"
    assert sandbox.calls("heyue") == []
