"""The platform's end of the wire for tests of the sandbox: a signing client, and a receiver of callbacks."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from lending.common import http as platform_http

WAIT_SECONDS = 30.0


class Wire:
    """Sends what `lending.common.http` would, and hands back the whole response, errors included."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=10, trust_env=False, verify=False)

    def post(self, vendor: str, path: str, body: Any, **options: Any) -> httpx.Response:
        return self.send(vendor, "POST", path, json.dumps(body, ensure_ascii=False).encode(), **options)

    def get(self, vendor: str, path: str) -> httpx.Response:
        return self.send(vendor, "GET", path, b"")

    def send(
        self, vendor: str, method: str, path: str, body: bytes, *, timeout: float = 10, **headers: str
    ) -> httpx.Response:
        timestamp = headers.get("timestamp", str(int(time.time())))
        secret = headers.get("secret", f"sandbox-{vendor}")
        signed = platform_http.sign(secret=secret, method=method, path=path, timestamp=timestamp, body=body)
        sent = {"X-Client-Id": "cashloan", "X-Timestamp": timestamp, "X-Signature": signed}
        return self._http.request(method, path, content=body, headers=sent, timeout=timeout)


@dataclass
class Inbox:
    """Callbacks received, in order of arrival. `refuse` of the next ones are answered 503."""

    vendor: str
    url: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0
    refuse: int = 0

    def wait(self, enough: Callable[["Inbox"], bool]) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not enough(self):
            assert time.monotonic() < deadline, f"waited {WAIT_SECONDS} s; received {self.events}"
            time.sleep(0.01)

    def kinds(self, key: str) -> list[str]:
        return [event["type"] for event in self.events if event["data"]["key"] == key]


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler], port: int = 0) -> Iterator[str]:
    """The address at which the handler answers."""
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@contextmanager
def inbox(vendor: str, port: int = 0) -> Iterator[Inbox]:
    """A callback address that accepts only what the platform itself would accept."""
    received = Inbox(vendor)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            platform_http.verify_callback(
                headers=self.headers,  # type: ignore[arg-type]
                method="POST",
                path=self.path,
                body=body,
                secret=f"sandbox-{vendor}",
                at=datetime.now(UTC),
            )
            status = 503 if received.refuse else 200
            if received.refuse:
                received.refuse -= 1
                received.refused += 1
            else:
                received.events.append(json.loads(body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with listening(Handler, port) as url:
        received.url = f"{url}/callbacks/funding/{vendor}"
        yield received
