"""The payment channel's wire against the sandbox: nobody is paid twice, nothing is lost, whatever the line does."""

import time
from datetime import datetime, timedelta

import pytest
from pytest_django import Settings

from funding import services
from funding.models import Allocation, Collection, Payout
from lending.models import Drawdown, Loan, Repayment
from tests.factories import drawdowns
from tests.sandbox_server import SandboxClient
from users.models import Notice

SOON = timedelta(seconds=30)


@pytest.fixture
def payout(at: datetime, sandbox: SandboxClient) -> Payout:
    sandbox.control("payment", settle_ms=[0, 0], return_ms=[0, 0])
    allocation = drawdowns.signed(at)
    return Payout.objects.get(pk=services.start_payout(drawdown_id=allocation.drawdown_id, at=at))


def run(payout: Payout, now: datetime) -> str:
    assert services.run_payout(payout_id=payout.pk, now=now)
    payout.refresh_from_db()
    return payout.state


def until_final(payout: Payout, now: datetime) -> str:
    for step in range(1, 6):
        if payout.state in ("PAID", "FAILED", "RETURNED"):
            break
        time.sleep(0.05)
        run(payout, now + step * SOON)
    return payout.state


def paid_out(sandbox: SandboxClient, payout: Payout) -> list[int]:
    entries = sandbox.ledger()["entries"]
    return [entry["amount_cents"] for entry in entries if entry["key"] == payout.key and entry["kind"] == "payout"]


def posts(sandbox: SandboxClient, key: str, path: str = "/payment/v1/payouts") -> int:
    calls = sandbox.calls("payment", path=path)
    return sum(call["method"] == "POST" and call["body"]["key"] == key for call in calls)


class TestPayout:
    def test_is_sent_once_and_found_paid(self, at: datetime, sandbox: SandboxClient, payout: Payout) -> None:
        run(payout, at)
        assert until_final(payout, at) == "PAID"
        assert (paid_out(sandbox, payout), posts(sandbox, payout.key)) == ([-1_000_000], 1)
        assert not services.run_payout(payout_id=payout.pk, now=at + timedelta(days=1))
        assert Loan.objects.get(drawdown=payout.drawdown_id).value_date == at.date()

    def test_stays_unknown_while_the_query_fails_too(
        self, at: datetime, sandbox: SandboxClient, payout: Payout
    ) -> None:
        sandbox.control("payment", timeout_rate=1, hang_ms=2000)
        run(payout, at)
        sandbox.control("payment", timeout_rate=0, error_rate=1)
        assert run(payout, at + SOON) == "UNKNOWN"
        assert Drawdown.objects.get(pk=payout.drawdown_id).status == "DISBURSING"
        sandbox.control("payment", error_rate=0)
        assert until_final(payout, at + 2 * SOON) == "PAID"
        assert posts(sandbox, payout.key) == 1

    def test_a_refused_order_waits_for_people_and_is_not_the_borrower_s_loss(
        self, at: datetime, payout: Payout, settings: Settings
    ) -> None:
        settings.VENDORS = {"payment": {"url": settings.SANDBOX_URL, "secret": "wrong"}}
        assert run(payout, at) == "UNKNOWN"
        assert Notice.objects.filter(kind="payout_refused", subject=f"payout:{payout.pk}").exists()
        settings.VENDORS = {}
        assert until_final(payout, at) == "PAID"

    @pytest.mark.parametrize(
        ("outcome", "status"), [("card_closed", "CARD_FIX"), ("payer_limit", "ROUTING"), ("returned", "RETURNED")]
    )
    def test_each_failure_ends_in_its_declared_path(
        self, at: datetime, sandbox: SandboxClient, payout: Payout, outcome: str, status: str
    ) -> None:
        sandbox.control("payment", force={payout.key: outcome})
        run(payout, at)
        until_final(payout, at)
        time.sleep(0.05)
        if payout.state == "PAID":  # the return is news after the payment; there is no query of a final order
            view = {"key": payout.key, "status": "returned", "amount_cents": 1_000_000}
            event = {"type": "payout.returned", "data": view}
            services.handle_callback(provider="payment", event_id="late", payload=event, at=at)
        assert Drawdown.objects.get(pk=payout.drawdown_id).status == status


class TestCollection:
    def start(self, at: datetime, payout: Payout, key: str = "repay-1", amount_cents: int = 80_000) -> Collection:
        run(payout, at)
        until_final(payout, at)
        loan = Loan.objects.get(drawdown=payout.drawdown_id)
        collection_id = services.start_collection(
            loan_id=loan.pk, amount_cents=amount_cents, key=key, by=f"user:{loan.user_id}", at=at
        )
        return Collection.objects.get(pk=collection_id)

    def until_final(self, row: Collection, now: datetime) -> str:
        for step in range(6):
            if row.state in ("COLLECTED", "FAILED"):
                break
            services.run_collection(collection_id=row.pk, now=now + step * SOON)
            time.sleep(0.05)
            row.refresh_from_db()
        return row.state

    def test_is_debited_once_and_posted(self, at: datetime, sandbox: SandboxClient, payout: Payout) -> None:
        row = self.start(at, payout)
        assert self.until_final(row, at) == "COLLECTED"
        assert Repayment.objects.get(loan=row.loan_id).amount_cents == 80_000
        assert posts(sandbox, row.key, "/payment/v1/collections") == 1

    def test_an_empty_account_posts_nothing(self, at: datetime, sandbox: SandboxClient, payout: Payout) -> None:
        row = self.start(at, payout)
        sandbox.control("payment", force={row.key: "insufficient_funds"})
        assert self.until_final(row, at) == "FAILED"
        assert row.code == "insufficient_funds"
        assert not Repayment.objects.exists()


def test_the_reservation_of_a_paid_drawdown_is_committed(at: datetime, payout: Payout) -> None:
    run(payout, at)
    until_final(payout, at)
    assert Allocation.objects.get(pk=payout.allocation_id).state == "COMMITTED"
