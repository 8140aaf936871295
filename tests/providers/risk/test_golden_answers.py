"""Answers of data vendors as agreed, replayed at the adapter and asked of the sandbox."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from lending.common import errors
from risk.providers import QUERIES, loop
from risk.providers.base import Subject
from risk.rules.catalogue import read
from risk.rules.strategy import catalogue
from tests.sandbox_server import SandboxClient
from users import queries
from users.models import Source
from users.queries import SourceView
from users.services import configuration

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
NOT_AGREED = {"device"}  # no field may be sent to its recipient yet
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


def ask(told: Mapping[str, Any], source: SourceView, client: httpx.AsyncClient | None = None) -> Mapping[str, Any]:
    given = dict(told["subject"])
    key, born = given.pop("key"), date.fromisoformat(given.pop("birth_date"))

    async def work() -> Mapping[str, Any]:
        where = client or loop.client(source.code)
        return await QUERIES[told["protocol"]](
            client=where, source=source, key=key, subject=Subject(**given, birth_date=born)
        )

    return loop.submit(work()).result(timeout=10)


def check(told: Mapping[str, Any], source: SourceView, client: httpx.AsyncClient | None = None) -> None:
    """What was expected came, and the catalogue can read it."""
    expected = told["expected"]
    if "error" in expected:
        with pytest.raises(errors.VendorError) as caught:
            ask(told, source, client)
        assert (type(caught.value).__name__, caught.value.code) == (expected["error"], expected["code"])
        return
    answer = ask(told, source, client)
    assert answer["data"] == expected["data"]
    specs = [each for each in catalogue().values() if each.source == source.code.removesuffix("_b")]
    assert read(specs, answer["data"])


@pytest.mark.parametrize("path", CASES, ids=named)
def test_means_what_was_agreed(path: Path) -> None:
    told, sent = case(path), []

    def vendor(request: httpx.Request) -> httpx.Response:
        assert request.headers["X-Signature"]
        is_form = request.headers["Content-Type"] == "application/x-www-form-urlencoded"
        sent.append(dict(parse_qsl(request.content.decode())) if is_form else json.loads(request.content))
        return httpx.Response(told["status"], json=told["response"])

    check(told, queries.source(path.parent.name), httpx.AsyncClient(transport=httpx.MockTransport(vendor)))
    assert sent == [told["request"]]


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
    asked = set(Source.objects.filter(protocol__in=QUERIES).values_list("code", flat=True)) - NOT_AGREED
    assert {path.parent.name for path in CASES if path.stem == "answer"} == asked


@pytest.mark.parametrize(
    "body",
    [
        b'{"request_id": "pull-412-bureau", "data": {"open_credits": NaN}}',
        b"[" * 10_000,
        b'{"request_id": "pull-412-bureau", "data": ' + b" " * 5_000_000 + b"{}}",
        b'{"request_id": "pull-412-bureau", "data": {"credit_history": "\\ud800"}}',
        b"\xff\xfe",
        b"",
    ],
    ids=("nan", "nested", "5MB", "half a letter", "no text", "nothing"),
)
def test_what_no_wire_says_is_malformed(body: bytes) -> None:
    client = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: httpx.Response(200, content=body)))
    with pytest.raises(errors.Malformed):
        ask(case(GOLDEN / "bureau/answer.json"), queries.source("bureau"), client)
