"""Payloads of vendors as agreed, replayed at the adapter: the request that leaves, and what each answer means."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from lending.common import errors, http
from tests.sandbox_server import SandboxClient
from users import queries
from users.providers import CHECKERS
from users.providers.base import Subject, Verdict
from users.services import configuration

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
VENDORS = ("face", "ocr")
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
    return {"result": verdict.result, "printed": shown}


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_means_what_was_agreed(path: Path, db: None, sandbox_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case, sent = json.loads(path.read_text(encoding="utf-8")), []

    def vendor(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        assert request.headers["X-Signature"]
        return httpx.Response(case["status"], json=case["response"])

    client = httpx.Client(transport=httpx.MockTransport(vendor))
    monkeypatch.setattr(http._local, "client", client, raising=False)
    expected = case["expected"]
    if "error" in expected:
        with pytest.raises(getattr(errors, expected["error"])) as caught:
            CHECKERS[case["protocol"]](source(path.parent.name), told(case))
        assert caught.value.code == expected["code"]
    else:
        verdict = CHECKERS[case["protocol"]](source(path.parent.name), told(case))
        raw = expected.pop("raw", case["response"])
        assert (said(verdict), verdict.raw) == (expected, raw)
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
