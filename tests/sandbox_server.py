"""The sandbox as a process for tests: started on a free port with a state file of its own, killed at the end."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 300
# What `manage.py sandbox` runs, without loading the platform first, which takes five times as long and is not used.
SERVE = """
import asyncio, pathlib, sys
from lending.management.commands.sandbox import serve
asyncio.run(serve(host="127.0.0.1", port=int(sys.argv[1]), state=pathlib.Path(sys.argv[2])))
"""


@dataclass
class SandboxServer:
    """A running sandbox. `kill` ends it as kill -9 would; `start` brings it back on the same port and state."""

    state_file: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-c", SERVE, str(self.port), str(self.state_file)]
        log = self.state_file.with_suffix(".log")
        with log.open("ab") as output:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the sandbox did not start:\n{log.read_text(errors='replace')[-2000:]}")
            if self._healthy():
                return
            time.sleep(0.05)
        self.kill()
        raise RuntimeError(
            f"the sandbox gave no answer in {START_SECONDS} s:\n{log.read_text(errors='replace')[-2000:]}"
        )

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def _healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=1, trust_env=False, verify=False).status_code == 200
        except httpx.HTTPError:
            return False


class SandboxClient:
    """The control desk of a running sandbox."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(
            base_url=url, timeout=10, trust_env=False, verify=False
        )  # reading the authorities takes 30 ms

    def control(self, vendor: str, **settings: Any) -> dict[str, Any]:
        """Change a vendor's behaviour; answers all its settings."""
        return self._json("PUT", f"/_control/{vendor}", json=settings)

    def calls(self, vendor: str, *, path: str = "", limit: int = 1000) -> list[dict[str, Any]]:
        """What the vendor received, newest first."""
        found: list[dict[str, Any]] = self._json(
            "GET", f"/_control/{vendor}/calls", params={"path": path, "limit": limit}
        )["calls"]
        return found

    def sms(self, phone: str) -> list[dict[str, str]]:
        """Messages sent to a phone, newest first."""
        found: list[dict[str, str]] = self._json("GET", "/sms", params={"phone": phone})["messages"]
        return found

    def last_code(self, phone: str) -> str:
        """The digits of the newest code sent to this phone."""
        for message in self.sms(phone):
            if found := re.search(r"(?<!\d)\d{4,8}(?!\d)", message["text"]):
                return found.group()
        raise AssertionError("no code was sent to this phone")

    def ledger(self) -> dict[str, Any]:
        return self._json("GET", "/payment/v1/ledger")

    def partner_events(self, channel: str) -> list[Any]:
        found: list[Any] = self._json("GET", f"/partner/{channel}/events")["events"]
        return found

    def reset(self) -> None:
        """Controls and recorded calls of every vendor back to the beginning; payouts and messages stay."""
        self._http.delete("/_control").raise_for_status()

    def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        response = self._http.request(method, path, **request)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        answer: dict[str, Any] = response.json()
        return answer


@contextmanager
def running_sandbox(state_file: Path) -> Iterator[SandboxServer]:
    server = SandboxServer(state_file, _free_port())
    server.start()
    try:
        yield server
    finally:
        server.kill()  # it would wait for the requests that hang


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
