import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from lending.common import http as platform_http
from lending.settings import base
from tests.platform_side import Wire
from tests.sandbox_server import SandboxClient

ASK = {"name": "王芳", "id_number": "330106199003070129"}


@pytest.fixture
def wire(sandbox: SandboxClient) -> Wire:
    return Wire(sandbox.url)


def two_element(wire: Wire, **options: Any) -> httpx.Response:
    return wire.post("id2", "/identity/v1/two-element", ASK, **options)


class TestSignature:
    def test_the_platform_client_is_understood(self, sandbox: SandboxClient) -> None:
        answer = platform_http.call(
            vendor="id2",
            method="POST",
            url=f"{sandbox.url}/identity/v1/two-element",
            client_id="cashloan",
            secret="sandbox-id2",
            timeout_ms=5000,
            json=ASK,
        )
        assert answer["result"] == "match"

    def test_one_set_of_headers_is_accepted_and_every_change_to_it_refused(self, wire: Wire) -> None:
        assert two_element(wire).status_code == 200
        for wrong in ({"secret": "sandbox-id2_b"}, {"timestamp": str(int(time.time()) - 301)}, {"timestamp": "soon"}):
            refused = two_element(wire, **wrong)
            assert (refused.status_code, refused.json()["error"]["code"]) == (401, "bad_signature")

    def test_unsigned_requests_do_nothing(self, sandbox: SandboxClient) -> None:
        message = {"key": "unsigned", "phone": "13800009001", "text": "code 111111"}
        assert httpx.post(f"{sandbox.url}/sms/v1/messages", json=message, trust_env=False).status_code == 401
        assert sandbox.sms("13800009001") == []

    def test_encoded_paths_are_verified_as_sent(self, wire: Wire) -> None:
        assert wire.get("heyue", "/heyue/v1/submissions/a%20b%3A1").status_code == 404


class TestBody:
    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b'{"name": 5, "id_number": "x"}', b"{}"])
    def test_that_is_not_what_was_agreed_is_refused_for_good(self, wire: Wire, body: bytes) -> None:
        refused = wire.send("id2", "POST", "/identity/v1/two-element", body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_request")

    def test_a_business_time_without_offset_is_refused(self, wire: Wire) -> None:
        refused = wire.post("id2", "/identity/v1/two-element", ASK | {"requested_at": "2026-03-02T10:00:00"})
        assert refused.status_code == 400


class TestControl:
    def test_latency_delays_the_answer(self, sandbox: SandboxClient, wire: Wire) -> None:
        sandbox.control("id2", latency_ms=200)
        began = time.monotonic()
        assert two_element(wire).status_code == 200
        assert time.monotonic() - began >= 0.2

    def test_errors_carry_the_status_asked_for(self, sandbox: SandboxClient, wire: Wire) -> None:
        sandbox.control("id2", error_rate=1, error_status=429)
        refused = two_element(wire)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")

    def test_an_error_has_no_effect_and_a_timeout_has(self, sandbox: SandboxClient, wire: Wire) -> None:
        def send(key: str, timeout: float = 0.5) -> None:
            message = {"key": f"fault {key}", "phone": "13800009002", "text": key}
            wire.post("sms", "/sms/v1/messages", message, timeout=timeout)

        sandbox.control("sms", error_rate=1)
        send("error", timeout=10)
        sandbox.control("sms", error_rate=0, lost_rate=1, hang_ms=2000)
        with pytest.raises(httpx.ReadTimeout):
            send("lost")
        sandbox.control("sms", lost_rate=0, timeout_rate=1)
        with pytest.raises(httpx.ReadTimeout):
            send("timeout")
        assert [message["text"] for message in sandbox.sms("13800009002")] == ["timeout"]

    def test_malformed_answers_are_nothing_a_client_can_use(self, sandbox: SandboxClient, wire: Wire) -> None:
        sandbox.control("id2", malformed_rate=1)
        seen = set()
        for number in range(24):
            answer = wire.post("id2", "/identity/v1/two-element", ASK | {"nonce": number})
            assert answer.status_code == 200
            try:
                document = json.loads(answer.content)
            except ValueError:
                seen.add(answer.text[:1])
                continue
            assert not (isinstance(document, dict) and "result" in document)
            seen.add(answer.text)
        assert len(seen) == 4

    def test_the_same_seed_gives_the_same_faults_and_another_one_others(
        self, sandbox: SandboxClient, wire: Wire
    ) -> None:
        def pattern(seed: int) -> list[int]:
            sandbox.reset()
            sandbox.control("id2", error_rate=0.5, seed=seed)
            asks = (ASK | {"nonce": number} for number in range(30))
            return [wire.post("id2", "/identity/v1/two-element", ask).status_code for ask in asks]

        first = pattern(1)
        assert 5 < first.count(500) < 25
        assert pattern(1) == first
        assert pattern(2) != first

    def test_a_repeated_request_draws_anew(self, sandbox: SandboxClient, wire: Wire) -> None:
        sandbox.control("id2", error_rate=0.5)
        assert {two_element(wire).status_code for _ in range(20)} == {200, 500}

    @pytest.mark.parametrize(
        "settings",
        [
            {"latncy_ms": 5},
            {"error_rate": 2},
            {"error_rate": "1"},
            {"latency_ms": -1},
            {"force": {"a": 1}},
            {"decide_ms": [9, 1]},
        ],
    )
    def test_refuses_what_it_does_not_know(self, sandbox: SandboxClient, settings: dict[str, Any]) -> None:
        refused = httpx.put(f"{sandbox.url}/_control/id2", json=settings, trust_env=False)
        assert refused.status_code == 400
        assert next(iter(settings)) in refused.json()["error"]["message"]

    def test_there_is_no_control_of_an_unknown_vendor(self, sandbox: SandboxClient) -> None:
        assert httpx.put(f"{sandbox.url}/_control/nobody", json={}, trust_env=False).status_code == 404

    def test_force_decides_for_the_subjects_it_names(self, sandbox: SandboxClient, wire: Wire) -> None:
        sandbox.control("id2", force={ASK["id_number"]: "mismatch"})
        assert two_element(wire).json()["result"] == "mismatch"
        sandbox.reset()
        assert two_element(wire).json()["result"] == "match"


class TestCalls:
    def test_lists_what_came_as_it_came_newest_first(self, sandbox: SandboxClient, wire: Wire) -> None:
        two_element(wire)
        two_element(wire, secret="wrong")
        refused, accepted = sandbox.calls("id2")[:2]
        assert (accepted["status"], accepted["body"]) == (200, ASK)
        assert (refused["status"], refused["method"], refused["path"]) == (401, "POST", "/identity/v1/two-element")

    def test_a_vendor_can_be_cleared_alone(self, sandbox: SandboxClient, wire: Wire) -> None:
        two_element(wire)
        wire.post("sms", "/sms/v1/messages", {"key": "alone", "phone": "13800009003", "text": "hello"})
        assert httpx.delete(f"{sandbox.url}/_control/id2", trust_env=False).status_code == 204
        assert sandbox.calls("id2") == []
        assert len(sandbox.calls("sms")) == 1


class TestFrontPage:
    def test_says_how_to_ask_for_a_verdict(self, sandbox: SandboxClient) -> None:
        page = httpx.get(f"{sandbox.url}/", trust_env=False).text
        assert "90x" in page
        assert "91x" in page


class TestCommand:
    def test_refuses_to_start_where_settings_have_no_sandbox_and_production_has_none(
        self, settings: Settings, tmp_path: Path
    ) -> None:
        assert not hasattr(base, "SANDBOX_URL")
        del settings.SANDBOX_URL
        with pytest.raises(CommandError, match="only under development and test settings"):
            call_command("sandbox", state=tmp_path / "state.sqlite3")

    def test_says_what_to_do_about_a_taken_port(self, sandbox: SandboxClient, tmp_path: Path) -> None:
        port = int(sandbox.url.rsplit(":", 1)[1])
        with pytest.raises(CommandError, match=f"Port {port} is taken. Set SANDBOX_PORT"):
            call_command("sandbox", port=port, state=tmp_path / "state.sqlite3")
