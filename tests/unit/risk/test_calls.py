"""Calls of a stage against a vendor that misbehaves: each ends as an answer, none as an exception."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from lending.common import breaker, http
from risk.providers import loop
from risk.providers.base import Subject
from risk.rules.catalogue import VariableSpec
from risk.services.calls import Answer, Calls, Question
from tests.platform_side import listening
from users.queries import SourceView

SOURCE = SourceView(
    id=1,
    code="calls_test",
    name_en="",
    name_zh="",
    stage=1,
    scenario="credit",
    price_cents=100,
    timeout_ms=2000,
    fresh_days=0,
    fallback=None,
    dead="refer",
    consent_code="bureau_query",
    recipient="bureau",
    protocol="risk-v1",
    endpoint="",
    enabled=True,
    client_id="cashloan",
    secret="secret",
)
SPECS = [
    VariableSpec("open_credits", "int", True, "bureau", "open_credits"),
    VariableSpec("history", "text", True, "bureau", "history"),
]
Reply = tuple[int, bytes]


@dataclass
class Vendor:
    """Answers by `reply`, after `seconds`; `most`: requests that were there at once."""

    reply: Callable[[str], Reply] = lambda key: good(key)
    seconds: float = 0.0
    url: str = ""
    asked: list[str] = field(default_factory=list)
    here: int = 0
    most: int = 0


def good(key: str, **data: Any) -> Reply:
    data = data or {"open_credits": 2, "history": "existing_paid"}
    return 200, json.dumps({"request_id": key, "data": data}).encode()


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    vendor, lock = Vendor(), threading.Lock()

    class Desk(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            key = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request_id"]
            with lock:
                vendor.asked.append(key)
                vendor.here += 1
                vendor.most = max(vendor.most, vendor.here)
            time.sleep(vendor.seconds)
            with lock:
                vendor.here -= 1
            status, body = vendor.reply(key)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    with listening(Desk) as url:
        vendor.url = f"{url}/"
        yield vendor
    breaker._store().delete(*breaker._store().keys("breaker:*") or ["none"])


def ask(vendor: Vendor, count: int = 1, **changed: Any) -> list[Answer]:
    source = replace(SOURCE, endpoint=vendor.url, **changed)
    subject = Subject("张三", "110101199001010015", "13800000000", None)
    questions = [Question(number, f"key-{number}", source, subject, SPECS) for number in range(count)]
    calls = Calls()
    found = loop.submit(calls.answers(questions)).result(timeout=30)
    while calls.are_out:
        found += loop.submit(calls.answers([])).result(timeout=30)
    return found


class TestAnswers:
    def test_what_was_agreed_is_an_answer(self, vendor: Vendor) -> None:
        (answer,) = ask(vendor)
        assert (answer.failure, answer.spent_cents, answer.is_dead) == ("", 100, False)
        assert answer.payload is not None
        assert answer.payload["data"]["open_credits"] == 2

    def test_one_absent_variable_is_no_fault_none_at_all_is(self, vendor: Vendor) -> None:
        vendor.reply = lambda key: good(key, history="none", open_credits=None)
        assert not ask(vendor)[0].is_dead
        vendor.reply = lambda key: good(key, renamed=1)
        assert ask(vendor)[0].failure.startswith("malformed: nothing of what was agreed")

    @pytest.mark.parametrize(
        "data",
        [
            {"open_credits": "three"},
            {"open_credits": True},
            {"open_credits": 10**18},
            {"history": "x" * 501},
            {"history": {"nested": 1}},
        ],
    )
    def test_of_another_type_is_kept_billed_and_no_answer(self, vendor: Vendor, data: dict[str, Any]) -> None:
        vendor.reply = lambda key: good(key, **data)
        (answer,) = ask(vendor)
        assert answer.failure.startswith("malformed: bureau.")
        assert answer.payload is not None
        assert answer.payload["data"] == data
        assert answer.spent_cents == 100

    @pytest.mark.parametrize(
        "body",
        [
            b"<html>maintenance</html>",
            b'{"request_id": "key-0", "data": {"open_credits": NaN}}',
            b'{"request_id": "key-0", "data": {"history": "\\ud800"}}',
            b'{"request_id": "another", "data": {"open_credits": 1}}',
            b'{"request_id": "key-0", "data": [1]}',
            b"[" * 100_000,
            b'{"request_id": "key-0", "data": {"open_credits": ' + b"9" * 5000 + b"}}",
            b'{"request_id": "key-0", "data": "' + b"x" * http.MAX_ANSWER_BYTES + b'"}',
            b"\xff\xfe",
            b"",
        ],
    )
    def test_what_is_no_answer_is_kept_as_far_as_it_can_be(self, vendor: Vendor, body: bytes) -> None:
        vendor.reply = lambda _: (200, body)
        (answer,) = ask(vendor)
        assert answer.failure.startswith("malformed: ")
        assert (answer.spent_cents, len(vendor.asked)) == (100, 1)
        assert answer.payload is not None
        assert len(json.dumps(answer.payload, ensure_ascii=False).encode()) < 20_000

    @pytest.mark.parametrize(
        ("status", "body", "failure"),
        [
            (302, b'{"request_id": "key-0", "data": {"open_credits": 1}}', "http_302"),
            (403, b"<html>", "http_403"),
            (400, b'{"error": {"code": "no\\u0007such\\nthing"}}', "no?such?thing"),
            (400, b'{"error": {"code": "no\\u0000such"}}', "http_400"),  # nothing that holds a NUL is read
        ],
    )
    def test_refusals_are_not_repeated(self, vendor: Vendor, status: int, body: bytes, failure: str) -> None:
        vendor.reply = lambda _: (status, body)
        (answer,) = ask(vendor)
        assert answer.failure.startswith(f"{failure}: ")
        assert (answer.payload, answer.spent_cents, len(vendor.asked)) == (None, 0, 1)


@pytest.fixture
def rude() -> Iterator[Callable[[bytes], str]]:
    """The address of a vendor that hears the question, writes these bytes and hangs up."""
    servers: list[socket.socket] = []

    def serve(said: bytes) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def answer() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return  # closed at the end
                with line:
                    line.recv(65_536)
                    line.sendall(said)

        threading.Thread(target=answer, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}/"

    yield serve
    for server in servers:
        server.close()


class TestConnection:
    @pytest.mark.parametrize(
        "said",
        [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", b"SSH-2.0-x\r\n"],
    )
    def test_lost_half_way_may_have_happened_and_is_not_asked_again(
        self, rude: Callable[[bytes], str], said: bytes
    ) -> None:
        (answer,) = ask(Vendor(url=rude(said)))
        assert answer.failure.startswith("connection_lost: ")
        assert answer.spent_cents == 100

    def test_never_made_costs_nothing(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        (answer,) = ask(Vendor(url=url), retries=1, pause_ms=1)
        assert answer.failure.startswith("unreachable: ")
        assert answer.spent_cents == 0


class TestLimits:
    def test_no_more_at_once_than_the_vendor_takes(self, vendor: Vendor) -> None:
        vendor.seconds = 0.03
        found = ask(vendor, count=30, max_parallel=4)
        assert [answer.failure for answer in found] == [""] * 30
        assert 2 <= vendor.most <= 4

    def test_waiting_for_a_place_does_not_use_up_the_time_limit(self, vendor: Vendor) -> None:
        vendor.seconds = 0.15
        found = ask(vendor, count=6, timeout_ms=600, max_parallel=1)
        assert [answer.failure for answer in found] == [""] * 6
        assert max(answer.latency_ms for answer in found) > 800


class TestBreaker:
    def test_slow_answers_open_it_and_then_nobody_waits(self, vendor: Vendor) -> None:
        vendor.seconds = 0.5
        for _ in range(4):  # on a slow machine a failure may go uncounted: Redis is not waited for
            found = ask(vendor, count=breaker.FAILURES, code="calls_test_slow", timeout_ms=60)
            if any(answer.failure.startswith("breaker_open") for answer in found):
                break
            assert {answer.failure.split(":")[0] for answer in found} == {"timeout"}
        asked, started = len(vendor.asked), time.monotonic()
        (refused,) = ask(vendor, code="calls_test_slow", timeout_ms=60)
        assert refused.failure.startswith("breaker_open")
        assert time.monotonic() - started < 0.5, "an open breaker sends to the fallback at once"
        assert len(vendor.asked) == asked
