"""A platform of its own for a journey: the processes of `make run` in a directory of their own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 900  # a slow machine that has everything else to do takes minutes to migrate and load


class Platform:
    """A platform of its own in a directory of its own, as `make run` starts it, without the batch."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir, self.port, self.sandbox_port = run_dir, _free_port(), _free_port()
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "SANDBOX_URL", "MAKELEVEL")
        } | {"RUN_DIR": str(run_dir), "PORT": str(self.port), "SANDBOX_PORT": str(self.sandbox_port)}
        self.log = run_dir / "platform.log"

    def start(self) -> None:
        command = [sys.executable, "-m", "lending.management.platform", "--dir", str(self.run_dir), "run", "--no-demo"]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=output, stderr=output)
        deadline = time.monotonic() + READY_SECONDS
        while b"Serving until" not in self.log.read_bytes():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.2)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=180)
        discard = [sys.executable, "-m", "lending.management.platform", "--dir", str(self.run_dir), "discard"]
        subprocess.run(discard, cwd=ROOT, check=True, timeout=180)  # as root the data lies outside this directory

    def demo(self, *options: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "manage.py", "demo", *options]
        return subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def kill(self, what: str) -> None:
        """kill -9 the one child of the platform whose command line fits."""
        found = [pid for pid, line in _children(self.process.pid) if re.search(what, line)]
        assert found, f"no child like {what}"
        os.kill(found[0], signal.SIGKILL)

    def sandbox(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.sandbox_port}{path}", timeout=60) as answer:
            return json.load(answer)

    def ask(self, sql: str) -> list[list[str]]:
        """Rows of a query against the platform's database."""
        script = f"from django.db import connection as c\nk = c.cursor()\nk.execute({sql!r})\nfor r in k: print(r)"
        command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", script]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=True, timeout=180
        )
        return [re.findall(r"[\w.-]+", line) for line in done.stdout.splitlines()]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _children(parent: int) -> list[tuple[int, str]]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if int((path / "stat").read_text().rsplit(")", 1)[1].split()[1]) == parent:
                found.append((int(path.name), (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
    return found
