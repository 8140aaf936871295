"""What carriers and we agreed to say about an authorisation: replayed at the adapter, then over the sandbox's wire."""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from lending.common import errors, http
from tests.providers.users.test_golden import GOLDEN, LEAST, source
from tests.sandbox_server import SandboxClient
from users.providers import operator
from users.providers.operator import Holder, Standing
from users.queries import SourceView

CASES = sorted((GOLDEN / "operator_auth").glob("*.json"))
AT = datetime.fromisoformat("2026-03-02T10:00:00+08:00")


def case_of(path: Path) -> dict[str, Any]:
    case: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return case


def ask(case: dict[str, Any], asked: SourceView, key: str) -> Standing | None:
    match case["call"]:
        case "begin":
            return operator.begin(asked, key=key, holder=Holder(**case["holder"]), at=AT)
        case "send_code":
            return operator.send_code(asked, key=key, code_key=case["code_key"], code=case["code"], at=AT)
        case _:
            return operator.query(asked, key=key)


def said(case: dict[str, Any], asked: SourceView, key: str) -> dict[str, Any] | None:
    """The standing, or the error by its class and code; times as they are written."""
    try:
        standing = ask(case, asked, key)
    except errors.VendorError as error:
        return {"error": type(error).__name__, "code": error.code}
    if standing is None:
        return None
    return vars(standing) | {"valid_until": standing.valid_until and standing.valid_until.isoformat()}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_means_what_was_agreed(path: Path, db: None, sandbox_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case, asked, sent = case_of(path), source("operator_auth"), []

    def carrier(request: httpx.Request) -> httpx.Response:
        assert request.headers["X-Signature"]
        body = json.loads(request.content) if request.content else None
        sent.append((request.method, str(request.url).removeprefix(asked.endpoint), body))
        return httpx.Response(case["status"], json=case["response"])

    monkeypatch.setattr(http._local, "client", httpx.Client(transport=httpx.MockTransport(carrier)), raising=False)
    key = case["response"].get("key") or case["path"].strip("/") or case["request"]["key"]
    assert said(case, asked, key) == case["expected"]
    assert sent == [(case["method"], case["path"], case["request"])]


@pytest.mark.parametrize("path", [path for path in CASES if "sandbox" in case_of(path)], ids=lambda path: path.stem)
def test_the_sandbox_keeps_to_it(path: Path, db: None, sandbox: SandboxClient) -> None:
    case, key = case_of(path), f"operator-{uuid4().hex}"
    settings = dict(case["sandbox"])
    if "force" in settings:
        settings["force"] = {case["holder"]["phone"]: settings["force"]}
    sandbox.control("operator_auth", **settings)
    found, expected = said(case, replace(source("operator_auth"), timeout_ms=5000), key), case["expected"]
    if expected and "status" in expected:
        assert found is not None
        assert bool(found["page"]) == bool(expected["page"])
        found, expected = found | {"page": ""}, expected | {"page": "", "key": key}
    assert found == expected


def test_the_least_is_there() -> None:
    assert {path.stem for path in CASES} >= LEAST
