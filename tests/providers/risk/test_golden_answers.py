"""Answers of data vendors as agreed, replayed at the adapter and asked of the sandbox."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from lending.common import errors
from risk.providers import QUERIES, loop
from risk.providers.base import Subject
from risk.rules.catalogue import read
from risk.rules.strategy import catalogue
from tests.platform_side import listening
from tests.sandbox_server import SandboxClient
from users import queries
from users.models import Source
from users.queries import SourceView
from users.services import configuration

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
LEAST = {"answer", "refused", "busy", "malformed"}


def case(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told


CASES = sorted(path for path in GOLDEN.glob("*/*.json") if case(path)["protocol"] in QUERIES)
ASKED = [path for path in CASES if "sandbox" in case(path)]


def named(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


@pytest.fixture(autouse=True)
def _register(db: None, sandbox: SandboxClient) -> None:
    configuration.load_sources()


@dataclass
class Vendor:
    """Says what it is told to, and keeps what it was sent."""

    url: str = ""
    answer: tuple[int, bytes] = (500, b"")
    sent: list[Any] = field(default_factory=list)


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    vendor = Vendor()

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            assert self.headers["X-Signature"]
            is_form = self.headers["Content-Type"] == "application/x-www-form-urlencoded"
            vendor.sent.append(dict(parse_qsl(body)) if is_form else json.loads(body))
            status, content = vendor.answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            return

    with listening(Answering) as vendor.url:
        yield vendor


def at(vendor: Vendor, source: SourceView) -> SourceView:
    path = source.endpoint.split("/", 3)[3]
    return replace(source, endpoint=f"{vendor.url}/{path}")


def ask(told: Mapping[str, Any], source: SourceView) -> Mapping[str, Any]:
    given = dict(told["subject"])
    key, born = given.pop("key"), date.fromisoformat(given.pop("birth_date"))

    async def work() -> Mapping[str, Any]:
        asked = QUERIES[told["protocol"]]
        client = loop.client(source.code)
        return await asked(client=client, source=source, key=key, subject=Subject(**given, birth_date=born))

    return loop.submit(work()).result(timeout=10)


def check(told: Mapping[str, Any], source: SourceView) -> None:
    """What was expected came, and the catalogue can read it."""
    expected = told["expected"]
    if "error" in expected:
        with pytest.raises(errors.VendorError) as caught:
            ask(told, source)
        assert (type(caught.value).__name__, caught.value.code) == (expected["error"], expected["code"])
        return
    answer = ask(told, source)
    assert answer["data"] == expected["data"]
    specs = [each for each in catalogue().values() if each.source == source.code.removesuffix("_b")]
    assert read(specs, answer["data"])


@pytest.mark.parametrize("path", CASES, ids=named)
def test_means_what_was_agreed(path: Path, vendor: Vendor) -> None:
    told = case(path)
    vendor.answer = told["status"], json.dumps(told["response"]).encode()
    check(told, at(vendor, queries.source(path.parent.name)))
    assert vendor.sent == [told["request"]]


@pytest.mark.parametrize("path", ASKED, ids=named)
def test_the_sandbox_keeps_to_it(path: Path, sandbox: SandboxClient) -> None:
    """The same request over the wire, the vendor in the same state: the same is understood."""
    told, source = case(path), queries.source(path.parent.name)
    settings = dict(told["sandbox"])
    if "secret" in settings:
        source = replace(source, secret=settings.pop("secret"))
    if "force" in settings:
        settings["force"] = {told["subject"]["id_number"]: settings["force"]}
    sandbox.control(source.code, **settings)
    check(told, source)


def test_every_vendor_and_every_wire_is_there() -> None:
    kept: dict[str, set[str]] = {}
    for path in CASES:
        kept.setdefault(case(path)["protocol"], set()).add(path.stem)
    assert kept.keys() == QUERIES.keys()
    assert all(names >= LEAST for names in kept.values())
    asked = set(Source.objects.filter(protocol__in=QUERIES).values_list("code", flat=True))
    assert {path.parent.name for path in CASES if path.stem == "answer"} == asked


@pytest.mark.parametrize(
    "body",
    [
        b'{"request_id": "pull-412-bureau", "data": {"open_credits": NaN}}',
        b"[" * 10_000,
        b'{"request_id": "pull-412-bureau", "data": ' + b" " * 5_000_000 + b"{}}",
        b'{"request_id": "pull-412-bureau", "data": {"credit_history": "\\ud800"}}',
        b'{"request_id": "pull-412-bureau", "data": {"credit_history": "\\u0000"}}',
        b"\xff\xfe",
        b"",
    ],
    ids=("nan", "nested", "5MB", "half a letter", "no letter", "no text", "nothing"),
)
def test_what_no_wire_says_is_malformed(body: bytes, vendor: Vendor) -> None:
    vendor.answer = 200, body
    with pytest.raises(errors.Malformed):
        ask(case(GOLDEN / "bureau/answer.json"), at(vendor, queries.source("bureau")))
