"""Payloads of vendors as agreed, replayed at the adapter: the request that leaves, and what each answer means."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from lending.common import errors, http
from tests.sandbox_server import SandboxClient
from users import queries
from users.providers import CHECKERS, sms
from users.providers.base import Subject, Verdict
from users.services import configuration

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
VENDORS = ("card4", "card4_b", "face", "id2", "id2_b", "ocr")
LEAST = {"answer", "refused", "busy", "malformed"}
CASES = sorted(path for vendor in VENDORS for path in (GOLDEN / vendor).glob("*.json"))


def told(case: dict[str, Any]) -> Subject:
    given = case["subject"] | {"pictures": tuple(map(base64.b64decode, case["subject"].get("pictures", ())))}
    return Subject(**given)


def source(code: str) -> queries.SourceView:
    configuration.load_sources()
    return queries.source(code)


def said(verdict: Verdict) -> dict[str, Any]:
    printed = verdict.printed
    shown = printed and vars(printed) | {"expires_on": printed.expires_on and printed.expires_on.isoformat()}
    return {"result": verdict.result, "printed": shown, "bank": verdict.bank, "card_type": verdict.card_type}


def check(case: dict[str, Any], asked: queries.SourceView) -> Verdict | None:
    """What was expected came; None where that is an error."""
    expected = case["expected"]
    if "error" in expected:
        with pytest.raises(getattr(errors, expected["error"])) as caught:
            CHECKERS[case["protocol"]](asked, told(case))
        assert caught.value.code == expected["code"]
        return None
    verdict = CHECKERS[case["protocol"]](asked, told(case))
    assert {name: value for name, value in said(verdict).items() if name in expected} == {
        name: value for name, value in expected.items() if name != "raw"
    }
    return verdict


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_means_what_was_agreed(path: Path, db: None, sandbox_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case, sent = json.loads(path.read_text(encoding="utf-8")), []

    def vendor(request: httpx.Request) -> httpx.Response:
        assert request.headers["X-Signature"]
        is_form = request.headers["Content-Type"] == "application/x-www-form-urlencoded"
        sent.append(dict(parse_qsl(request.content.decode())) if is_form else json.loads(request.content))
        return httpx.Response(case["status"], json=case["response"])

    client = httpx.Client(transport=httpx.MockTransport(vendor))
    monkeypatch.setattr(http._local, "client", client, raising=False)
    verdict = check(case, source(path.parent.name))
    if verdict is not None:
        assert verdict.raw == case["expected"].get("raw", case["response"])
    assert sent == [case["request"]]


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_sandbox_answers_alike(vendor: str, db: None, sandbox: SandboxClient) -> None:
    """The same request, over the wire: the sandbox's answer has the fields that the adapter reads in the agreed one."""
    case = json.loads((GOLDEN / vendor / "answer.json").read_text(encoding="utf-8"))
    subject = told(case)
    if subject.pictures:
        subject = replace(subject, pictures=(b"\xff\xd8\xff\xe0front", b"\xff\xd8\xff\xe0back"))
    verdict = CHECKERS[case["protocol"]](source(vendor), subject)
    assert verdict.result == case["expected"]["result"]
    assert verdict.raw.keys() == case["response"].keys()


@pytest.mark.parametrize(
    "path",
    [path for path in CASES if "sandbox" in json.loads(path.read_text(encoding="utf-8"))],
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_the_sandbox_keeps_to_it(path: Path, db: None, sandbox: SandboxClient) -> None:
    """The same request over the wire, the vendor in the same state: the same is understood."""
    case, asked = json.loads(path.read_text(encoding="utf-8")), source(path.parent.name)
    settings = dict(case["sandbox"])
    if "secret" in settings:
        asked = replace(asked, secret=settings.pop("secret"))
    if "force" in settings:
        settings["force"] = {case["subject"]["id_number"]: settings["force"]}
    sandbox.control(asked.code, **settings)
    check(case, asked)


def test_every_wire_is_there() -> None:
    kept: dict[str, set[str]] = {}
    for path in CASES:
        kept.setdefault(json.loads(path.read_text(encoding="utf-8"))["protocol"], set()).add(path.stem)
    assert kept.keys() == CHECKERS.keys()
    assert all(names >= LEAST for names in kept.values())


class TestTextMessages:
    @pytest.mark.parametrize("name", sorted(LEAST))
    def test_means_what_was_agreed(
        self, name: str, db: None, sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """At the adapter, then at the sandbox."""
        case, sent = json.loads((GOLDEN / f"sms/{name}.json").read_text(encoding="utf-8")), []

        def vendor(request: httpx.Request) -> httpx.Response:
            sent.append(json.loads(request.content))
            return httpx.Response(case["status"], json=case["response"])

        def check() -> str:
            if "error" not in case["expected"]:
                return sms.send(source("sms"), **case["subject"])
            with pytest.raises(getattr(errors, case["expected"]["error"])) as caught:
                sms.send(source("sms"), **case["subject"])
            return str(caught.value.code)

        with monkeypatch.context() as patch:
            patch.setattr(http._local, "client", httpx.Client(transport=httpx.MockTransport(vendor)), raising=False)
            meant = check()
        assert (sent, meant) == ([case["request"]], case["expected"].get("code", case["expected"].get("message_id")))
        settings = case.get("sandbox", {})
        if "force" in settings:
            settings["force"] = {case["subject"]["phone"]: settings["force"]}
        sandbox.control("sms", **settings)
        assert check() == meant or name == "answer"  # its own number
