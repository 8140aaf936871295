import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from lending.sandbox import applicants
from tests.platform_side import Inbox, Wire, inbox
from tests.sandbox_server import SandboxClient, running_sandbox

TODAY = date(2026, 11, 23)
CARD = "6222020000000000000"  # nobody of the demo
QUICK = {"settle_ms": [50, 100], "return_ms": [100, 200]}


@pytest.fixture
def wire(sandbox: SandboxClient) -> Wire:
    sandbox.control("payment", **QUICK)
    sandbox.control("heyue", decide_ms=[50, 100])
    sandbox.control("linjiang", decide_ms=[50, 100])
    return Wire(sandbox.url)


@pytest.fixture
def bank() -> Iterator[Inbox]:
    with inbox("payment") as received:
        yield received


@pytest.fixture
def funder() -> Iterator[Inbox]:
    with inbox("heyue") as received:
        yield received


def order(url: str = "", **fields: Any) -> dict[str, Any]:
    return {
        "key": f"payout-{uuid4()}",
        "callback_url": url,
        "amount_cents": 1_000_000,
        "currency": "CNY",
        "card_number": CARD,
        "name": "王芳",
    } | fields


def of_row(row: int, card: int = 0) -> dict[str, str]:
    return {"name": applicants.name_of(row, 8), "card_number": applicants.card_of(row, 8, card)}


def settled(wire: Wire, key: str, kind: str = "payouts") -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while True:
        view: dict[str, Any] = wire.get("payment", f"/payment/v1/{kind}/{key}").json()
        if view["status"] != "processing":
            return view
        assert time.monotonic() < deadline
        time.sleep(0.02)


def moved(sandbox: SandboxClient, key: str) -> list[tuple[str, int]]:
    return [(entry["kind"], entry["amount_cents"]) for entry in sandbox.ledger()["entries"] if entry["key"] == key]


class TestPayOut:
    def test_accepts_then_pays_tells_and_remembers(self, sandbox: SandboxClient, wire: Wire, bank: Inbox) -> None:
        sent = order(bank.url)
        accepted = wire.post("payment", "/payment/v1/payouts", sent)
        assert (accepted.status_code, accepted.json()["status"]) == (202, "processing")
        bank.wait(lambda box: bool(box.events))
        view = settled(wire, sent["key"])
        assert view["status"] == "succeeded"
        assert bank.events[0]["data"] == view
        assert bank.events[0]["type"] == "payout.succeeded"
        assert moved(sandbox, sent["key"]) == [("payout", -1_000_000)]

    def test_pays_once_however_often_the_key_comes(self, sandbox: SandboxClient, wire: Wire, bank: Inbox) -> None:
        sent = order(bank.url)
        with ThreadPoolExecutor(8) as crowd:
            answers = list(crowd.map(lambda _: wire.post("payment", "/payment/v1/payouts", sent), range(16)))
        assert {answer.json()["reference"] for answer in answers} == {settled(wire, sent["key"])["reference"]}
        assert moved(sandbox, sent["key"]) == [("payout", -1_000_000)]

    def test_a_key_with_another_amount_is_a_conflict(self, sandbox: SandboxClient, wire: Wire) -> None:
        sent = order()
        wire.post("payment", "/payment/v1/payouts", sent)
        again = wire.post("payment", "/payment/v1/payouts", sent | {"callback_url": "http://127.0.0.1:9/other"})
        refused = wire.post("payment", "/payment/v1/payouts", sent | {"amount_cents": 1})
        assert (again.status_code, refused.status_code) == (202, 409)
        settled(wire, sent["key"])
        assert moved(sandbox, sent["key"]) == [("payout", -1_000_000)]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"amount_cents": 0},
            {"amount_cents": "5"},
            {"amount_cents": True},
            {"card_number": "1234"},
            {"currency": "EUR"},
            {"name": ""},
        ],
    )
    def test_refuses_an_order_it_cannot_execute(self, wire: Wire, wrong: dict[str, Any]) -> None:
        sent = order(**wrong)
        assert wire.post("payment", "/payment/v1/payouts", sent).status_code == 400
        assert wire.get("payment", f"/payment/v1/payouts/{sent['key']}").status_code == 404

    def test_answers_in_the_business_time_it_was_asked_in(self, wire: Wire) -> None:
        sent = order(requested_at="2031-05-06T07:08:09+08:00")
        wire.post("payment", "/payment/v1/payouts", sent)
        paid_at = datetime.fromisoformat(settled(wire, sent["key"])["completed_at"])
        assert 0 < (paid_at - datetime.fromisoformat(sent["requested_at"])).total_seconds() < 1

    def test_row_3_is_returned_after_it_was_paid(self, sandbox: SandboxClient, wire: Wire, bank: Inbox) -> None:
        sent = order(bank.url, **of_row(3))
        wire.post("payment", "/payment/v1/payouts", sent)
        bank.wait(lambda box: len(box.events) == 2)
        assert bank.kinds(sent["key"]) == ["payout.succeeded", "payout.returned"]
        assert moved(sandbox, sent["key"]) == [("payout", -1_000_000), ("return", 1_000_000)]

    def test_row_7_is_paid_without_an_answer_and_found_by_query(
        self, sandbox: SandboxClient, wire: Wire, bank: Inbox
    ) -> None:
        sent = order(bank.url, **of_row(7))
        with pytest.raises(httpx.ReadTimeout):
            wire.post("payment", "/payment/v1/payouts", sent, timeout=0.4)
        assert settled(wire, sent["key"])["status"] == "succeeded"
        assert moved(sandbox, sent["key"]) == [("payout", -1_000_000)]
        assert bank.events == []

    def test_row_62_fails_on_the_first_card_and_works_on_the_second(self, sandbox: SandboxClient, wire: Wire) -> None:
        first, second = (order(**of_row(62, card)) for card in (0, 1))
        for sent in (first, second):
            wire.post("payment", "/payment/v1/payouts", sent)
        failed = settled(wire, first["key"])
        assert (failed["status"], failed["fault"], failed["code"]) == ("failed", "card", "card_closed")
        assert settled(wire, second["key"])["status"] == "succeeded"
        assert moved(sandbox, first["key"]) == []

    @pytest.mark.parametrize(
        ("id_number", "card", "status"),
        [
            ("330106199003079211", "6233910000000000208", "failed"),
            ("330106199003079211", "6233910000000000257", "succeeded"),
            ("330106199003079318", "6233910000000000265", "returned"),
        ],
    )
    def test_the_digits_of_anybody_else_s_number_say_what_becomes_of_the_money(
        self, wire: Wire, id_number: str, card: str, status: str
    ) -> None:
        holder = {"name": "王芳", "id_number": id_number, "phone": "13800000000", "card_number": card}
        wire.post("card4", "/card/v1/four-element", holder)
        sent = order(card_number=card)
        wire.post("payment", "/payment/v1/payouts", sent)
        settled(wire, sent["key"])
        time.sleep(0.25)  # what is returned comes back at most 200 ms later
        assert settled(wire, sent["key"])["status"] == status

    def test_a_demo_card_pays_only_its_holder(self, wire: Wire) -> None:
        sent = order(**of_row(12) | {"name": "王小明"})
        wire.post("payment", "/payment/v1/payouts", sent)
        assert settled(wire, sent["key"])["code"] == "name_mismatch"

    def test_a_forced_funder_failure_is_not_the_borrowers(self, sandbox: SandboxClient, wire: Wire) -> None:
        sent = order()
        sandbox.control("payment", force={sent["key"]: "payer_limit"})
        wire.post("payment", "/payment/v1/payouts", sent)
        assert settled(wire, sent["key"])["fault"] == "funder"


class TestCollect:
    def test_takes_the_whole_amount(self, sandbox: SandboxClient, wire: Wire, bank: Inbox) -> None:
        sent = order(bank.url, allow_partial=True)
        wire.post("payment", "/payment/v1/collections", sent)
        bank.wait(lambda box: bool(box.events))
        assert bank.events[0]["type"] == "collection.succeeded"
        assert settled(wire, sent["key"], "collections")["collected_cents"] == 1_000_000
        assert moved(sandbox, sent["key"]) == [("collection", 1_000_000)]
        assert wire.get("payment", f"/payment/v1/payouts/{sent['key']}").status_code == 404

    def test_takes_a_part_only_where_that_is_allowed(self, sandbox: SandboxClient, wire: Wire) -> None:
        sandbox.control("payment", force={CARD: "partial"})
        part, nothing = order(allow_partial=True), order(allow_partial=False)
        for sent in (part, nothing):
            wire.post("payment", "/payment/v1/collections", sent)
        views = [settled(wire, sent["key"], "collections") for sent in (part, nothing)]
        assert [(view["status"], view["collected_cents"]) for view in views] == [("partial", 500_000), ("failed", 0)]
        assert moved(sandbox, nothing["key"]) == []


class TestHeyue:
    def submission(self, url: str, row: int | None = None) -> dict[str, Any]:
        person = applicants.applicant(row, 8, TODAY) if row else None
        applicant = {
            "name": person.name if person else "王芳",
            "id_number": person.id_number if person else "330106199003070129",
            "phone": person.phone if person else "13800000000",
        }
        return {
            "key": f"allocation-{uuid4()}",
            "callback_url": url,
            "applicant": applicant,
            "amount_cents": 1_000_000,
            "months": 12,
            "annual_rate": "0.108",
        }

    def test_decides_later_and_says_so_by_callback_and_by_query(self, wire: Wire, funder: Inbox) -> None:
        sent = self.submission(funder.url, row=12)
        accepted = wire.post("heyue", "/heyue/v1/submissions", sent)
        assert (accepted.status_code, accepted.json()["status"]) == (202, "pending")
        funder.wait(lambda box: bool(box.events))
        view = wire.get("heyue", f"/heyue/v1/submissions/{sent['key']}").json()
        assert view == funder.events[0]["data"]
        assert view["status"] in ("approved", "refused")
        assert wire.post("heyue", "/heyue/v1/submissions", sent).json() == view

    def test_refuses_and_approves_who_it_is_told_to(self, sandbox: SandboxClient, wire: Wire, funder: Inbox) -> None:
        refused, approved = self.submission(funder.url, row=21), self.submission(funder.url)
        sandbox.control("heyue", approve_rate=1.0, force={"21": "refused"})
        for sent in (refused, approved):
            wire.post("heyue", "/heyue/v1/submissions", sent)
        funder.wait(lambda box: len(box.events) == 2)
        views = {event["data"]["key"]: event["data"] for event in funder.events}
        assert (views[refused["key"]]["status"], views[refused["key"]]["expires_at"]) == ("refused", None)
        good = views[approved["key"]]
        lasts = datetime.fromisoformat(good["expires_at"]) - datetime.fromisoformat(good["decided_at"])
        assert (good["status"], lasts.total_seconds()) == ("approved", 24 * 3600)

    def test_refuses_who_says_so_by_the_digits_of_their_number(self, sandbox: SandboxClient, wire: Wire) -> None:
        sandbox.control("heyue", approve_rate=1.0, decide_ms=[0, 0])
        sent = self.submission("")
        sent["applicant"]["id_number"] = "330106199003079414"
        wire.post("heyue", "/heyue/v1/submissions", sent)
        assert wire.get("heyue", f"/heyue/v1/submissions/{sent['key']}").json()["status"] == "refused"

    def test_approves_about_nine_in_ten_and_always_the_same(self, wire: Wire) -> None:
        def words(batch: int) -> list[str]:
            keys = []
            for row in range(101, 161):
                sent = self.submission("", row) | {"key": f"rate-{batch}-{row}"}
                wire.post("heyue", "/heyue/v1/submissions", sent)
                keys.append(sent["key"])
            time.sleep(0.15)
            return [wire.get("heyue", f"/heyue/v1/submissions/{key}").json()["status"] for key in keys]

        first = words(1)
        assert 45 <= first.count("approved") < 60
        assert words(2) == first

    def test_a_withdrawn_submission_stays_withdrawn(self, wire: Wire, funder: Inbox) -> None:
        sent = self.submission(funder.url)
        path = f"/heyue/v1/submissions/{sent['key']}"
        assert wire.post("heyue", f"{path}/withdraw", {"key": sent["key"]}).status_code == 404
        wire.post("heyue", "/heyue/v1/submissions", sent)
        for _ in range(2):
            assert wire.post("heyue", f"{path}/withdraw", {"key": sent["key"]}).json()["status"] == "withdrawn"
        assert wire.get("heyue", path).json()["status"] == "withdrawn"


class TestBank:
    def test_refuses_row_21_and_says_so_by_callback(self, wire: Wire) -> None:
        wire_body = {
            "cust_name": "王芳", "cert_no": "", "mobile": "1", "appl_amt": "10000.00", "appl_tnr": "12",
            "int_rate": "14.4", "proj_no": "LJB-G", "guar_no": "AHG",
        }  # fmt: skip
        with inbox("linjiang") as box:
            for row in (21, 25):
                who = applicants.applicant(row, 5, TODAY)
                head = {"txn_code": "LN1001", "serial_no": f"bank-{row}"}
                body = wire_body | {"cert_no": who.id_number, "notify_url": box.url}
                said = wire.post("linjiang", "/linjiang/gateway", {"head": head, "body": body}).json()
                assert (said["head"]["ret_code"], said["body"]["appl_sts"]) == ("000000", "1")
            box.wait(lambda box: len(box.events) == 2)
            told = {event["data"]["key"]: event["data"]["appl_sts"] for event in box.events}
        assert told == {"bank-21": "3", "bank-25": "2"}


class TestCallbacks:
    def test_are_repeated_until_they_are_accepted(self, wire: Wire, bank: Inbox) -> None:
        bank.refuse = 2
        wire.post("payment", "/payment/v1/payouts", order(bank.url))
        bank.wait(lambda box: bool(box.events))
        assert (bank.refused, len(bank.events)) == (2, 1)

    def test_come_twice_under_one_event_id_when_told_so(self, sandbox: SandboxClient, wire: Wire, bank: Inbox) -> None:
        sandbox.control("payment", duplicate_callbacks=1)
        wire.post("payment", "/payment/v1/payouts", order(bank.url))
        bank.wait(lambda box: len(box.events) == 2)
        assert len({event["event_id"] for event in bank.events}) == 1

    def test_come_in_the_wrong_order_when_told_so(self, sandbox: SandboxClient, wire: Wire, bank: Inbox) -> None:
        sandbox.control("payment", reorder_callbacks=True)
        sent = order(bank.url, **of_row(3))
        wire.post("payment", "/payment/v1/payouts", sent)
        bank.wait(lambda box: len(box.events) == 2)
        assert bank.kinds(sent["key"]) == ["payout.returned", "payout.succeeded"]

    def test_can_be_late_or_never_come_while_the_money_has_moved(
        self, sandbox: SandboxClient, wire: Wire, bank: Inbox
    ) -> None:
        sandbox.control("payment", callback_delay_ms=1500)
        late = order(bank.url)
        wire.post("payment", "/payment/v1/payouts", late)
        sandbox.control("payment", callback_delay_ms=0, drop_callback_rate=1)
        never = order(bank.url)
        wire.post("payment", "/payment/v1/payouts", never)
        assert settled(wire, late["key"])["status"] == settled(wire, never["key"])["status"] == "succeeded"
        assert bank.events == []
        bank.wait(lambda box: bool(box.events))
        assert bank.kinds(late["key"]) == ["payout.succeeded"]
        assert bank.kinds(never["key"]) == []


class TestKilled:
    def test_forgets_neither_keys_nor_callbacks_nor_controls(self, tmp_path: Path) -> None:
        with running_sandbox(tmp_path / "state.sqlite3") as server, inbox("payment") as bank:
            wire, desk = Wire(server.url), SandboxClient(server.url)
            desk.control("payment", settle_ms=[1500, 1500], latency_ms=1)
            sent = order(bank.url)
            reference = wire.post("payment", "/payment/v1/payouts", sent).json()["reference"]
            server.kill()
            assert bank.events == []
            server.start()
            wire, desk = Wire(server.url), SandboxClient(server.url)
            assert wire.post("payment", "/payment/v1/payouts", sent).json()["reference"] == reference
            bank.wait(lambda box: bool(box.events))
            assert moved(desk, sent["key"]) == [("payout", -1_000_000)]
            assert desk.control("payment")["latency_ms"] == 1
            assert [call["path"] for call in desk.calls("payment")] == ["/payment/v1/payouts"] * 2


class TestSpeed:
    @pytest.mark.parametrize("requests", [400])
    def test_answers_hundreds_a_second(self, wire: Wire, requests: int) -> None:
        def ask(number: int) -> int:
            person = {"name": "王芳", "id_number": "330106199003070129"}
            body = {"request_id": f"speed-{number}", "subject": person}
            return wire.post("bureau", "/risk/bureau/v1/query", body).status_code

        began = time.monotonic()
        with ThreadPoolExecutor(8) as crowd:
            assert set(crowd.map(ask, range(requests))) == {200}
        seconds = time.monotonic() - began
        assert requests / seconds > 40  # it does ten times that where nothing else runs
