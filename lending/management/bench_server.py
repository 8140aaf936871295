"""Servers for a benchmark, each in a process of its own as the platform starts its web, and a client that costs little:
requests made beforehand, sent over connections that stay open."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from django.db import connection

from lending.common import signed
from lending.management.platform import processes, programs

PLATFORM = "lending.wsgi:application"
START_SECONDS = 60


@dataclass(frozen=True)
class Served:
    """What one way came to: seconds of each answer, its status and body, and seconds of all."""

    seconds: list[float]
    answers: list[tuple[int, bytes]]
    whole: float

    @property
    def rate(self) -> float:
        return len(self.answers) / self.whole


@contextmanager
def serving(application: str, **environment: str) -> Iterator[int]:
    """The port at which granian serves `application` (module:callable) on the database of this process."""
    port = processes.free_port()
    command = ["-m", *programs.web(host="127.0.0.1", port=port)]
    command[command.index(PLATFORM)] = application
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        server = processes.spawn(
            [sys.executable, *command],
            log=log,
            env=os.environ | {"DATABASE_URL": _url()} | environment,
            dies_by=signal.SIGKILL,
        )
        try:
            if not processes.wait_until(lambda: not processes.is_free(port), seconds=START_SECONDS):
                raise RuntimeError(processes.tail(log))
            yield port
        finally:
            processes.end_group(server, signal.SIGTERM)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                processes.end_group(server, signal.SIGKILL)
                server.wait()


def _url() -> str:
    """Of the database that this process is connected to."""
    known = connection.settings_dict
    user, password, name = (quote(str(known[key]), safe="") for key in ("USER", "PASSWORD", "NAME"))
    return f"postgres://{user}:{password}@{known['HOST']}:{known['PORT']}/{name}"


def request(port: int, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> bytes:
    """A POST of JSON as it goes over the wire."""
    content = json.dumps(body).encode()
    said = {"Host": f"127.0.0.1:{port}", "Content-Type": "application/json", "Content-Length": str(len(content))}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in (said | dict(headers)).items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def signature(path: str, body: Mapping[str, Any], *, app_id: str, secret: str, nonce: str) -> dict[str, str]:
    """The headers of a partner's POST, as of now."""
    timestamp = str(int(time.time()))
    text = signed.canonical(
        method="POST", path=path, query="", timestamp=timestamp, nonce=nonce, body=json.dumps(body).encode()
    )
    return {
        "X-App-Id": app_id,
        "X-Timestamp": timestamp,
        "X-Nonce": nonce,
        "X-Signature": signed.sign(secret, text),
    }


def ask(port: int, requests: Sequence[bytes], *, connections: int) -> Served:
    """Send all, by turns over so many connections that are open before the clock starts; one waits for its answer."""
    places: list[tuple[float, int, bytes] | None] = [None] * len(requests)
    ready, failed = threading.Barrier(connections + 1), []

    def work(first: int) -> None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=60) as wire:
                wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                ready.wait()
                for place in range(first, len(requests), connections):
                    begun = time.perf_counter()
                    wire.sendall(requests[place])
                    status, body = _answer(wire)
                    places[place] = (time.perf_counter() - begun, status, body)
        except Exception as error:
            failed.append(error)
            ready.abort()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    ready.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    whole = time.perf_counter() - begun
    if failed:
        raise failed[0]
    done = [place for place in places if place is not None]
    return Served([second for second, _, _ in done], [(status, body) for _, status, body in done], whole)


def _answer(wire: socket.socket) -> tuple[int, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(wire)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += _more(wire)
    return int(head[9:12]), body


def _more(wire: socket.socket) -> bytes:
    data = wire.recv(65536)
    if not data:
        raise ConnectionError("The server hung up.")
    return data
