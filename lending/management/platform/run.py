"""`run`: everything of one platform in the foreground, children kept alive, nothing left behind."""

import fcntl
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from . import programs, running
from .environment import ROOT, for_children
from .postgres import Postgres
from .processes import (
    FOLLOW,
    HOST,
    PlatformError,
    die_with_parent,
    end_group,
    follow_parent,
    is_free,
    say,
    spawn,
    tail,
    wait_until,
)
from .valkey import Valkey

READY_SECONDS = 600
POLITE_SECONDS = 8
ACCOUNTS = """admin; initial.chen, initial.wu (R1), senior.zhao (R2), lead.sun (R3), manager.qian (R4);
              analyst.lin, analyst.he, funder.zhou, partner.wei, legal.feng, compliance.lu,
              service.tang (customers), ops.gao, audit.xu (reads all, changes nothing)
              password: DEMO_PASSWORD, or demo-only-2026"""


class Stopped(Exception):
    """Ctrl-C, or the wish of whoever started us."""


@dataclass
class Child:
    """A process that must run for as long as the platform does."""

    name: str
    command: Sequence[str]
    dies_by: signal.Signals = signal.SIGKILL  # safe: every row survives a kill -9
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    not_before: float = 0.0


@dataclass
class Platform:
    run_dir: Path
    port: int
    sandbox_port: int
    with_demo: bool = True
    children: list[Child] = field(default_factory=list)
    owned: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    stopping: bool = False
    ask_next: float = 0.0

    def run(self) -> int:
        """Start, serve until told to stop, stop. Raises PlatformError where it cannot start."""
        lock = self._lock()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        if os.environ.get("MAKELEVEL"):
            follow_parent(signal.SIGTERM)
        try:
            self._start()
            while True:
                self._pause(0.2)
        except Stopped:
            say("\nStopping")
        finally:
            self.stopping = True
            self._stop()
            lock.close()
        return 0

    # starting

    def _start(self) -> None:
        for name, port in (("PORT", self.port), ("SANDBOX_PORT", self.sandbox_port)):
            if not is_free(port):
                raise PlatformError(f"Port {port} is taken. Choose another with {name}: make run {name}={port + 10}")
        running.keep_ports(self.run_dir, port=self.port, sandbox_port=self.sandbox_port)
        started = time.monotonic()
        self._start_services()
        self.environment = for_children(self.run_dir, port=self.port, sandbox_port=self.sandbox_port)
        python = sys.executable
        self._step("Migrating the database", [python, "manage.py", "migrate", "--noinput", "-v", "0"])
        sandbox = [python, "manage.py", "sandbox", "--port", str(self.sandbox_port)]
        self._keep(Child("sandbox", [*sandbox, "--state", str(self.run_dir / "sandbox.sqlite3")]))
        self._step("Loading the demo configuration", [python, "manage.py", "bootstrap"], shown=True)
        web = [python, "-m", *programs.web(host=HOST, port=self.port)]
        self._keep(Child("web", web, dies_by=signal.SIGTERM))  # ends its own worker processes
        self._keep(Child("worker", [python, "-m", *programs.WORKER]))
        self._keep(Child("pulls", [python, "-m", *programs.PULLS]))
        self._keep(Child("documents", [python, "-m", *programs.DOCUMENTS]))
        self._keep(Child("scheduler", [python, "-m", *programs.SCHEDULER]))
        say("Waiting until everything answers")
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            if time.monotonic() > deadline:
                raise PlatformError(f"Not ready after {READY_SECONDS} s. Logs: {self.run_dir / 'logs'}")
            self._pause(0.2)
        say(f"Ready after {time.monotonic() - started:.0f} s")
        if self.with_demo:
            self._send_batch()
        base = f"http://127.0.0.1:{self.port}"
        say(f"\nBack office   {base}/admin/\nAPI reference {base}/api/docs/\nHealth        {base}/readyz")
        say(f"Sandbox       http://127.0.0.1:{self.sandbox_port}/\nLogs          {self.run_dir / 'logs'}")
        say(f"Accounts      {ACCOUNTS}")
        say("Serving until Ctrl-C")

    def _start_services(self) -> None:
        """Bring up what the environment does not give. One that `services` started is used and left alone."""
        for service in self._services():
            say(f"Starting {service.name}")
            self._start_service(service)

    def _start_service(self, service: Postgres | Valkey) -> None:
        process = service.start(dies_by=service.polite_end)
        if process is not None:
            self.owned[service.name] = process

    def _services(self) -> list[Postgres | Valkey]:
        every: list[Postgres | Valkey] = [Postgres(self.run_dir), Valkey(self.run_dir)]
        return [service for service in every if not os.environ.get(service.variable)]

    def _step(self, title: str, command: Sequence[str], *, shown: bool = False) -> None:
        """Run `command` to its end while the children are watched. shown: its output is for the terminal."""
        say(title)
        log = self.run_dir / "logs" / "start.log"
        if shown:
            process = self._in_terminal(command)
        else:
            process = spawn(command, log=log, env=self.environment, cwd=ROOT, dies_by=signal.SIGKILL)
        try:
            while process.poll() is None:
                self._pause(0.05)
        finally:
            end_group(process, signal.SIGKILL)
        if process.returncode:
            raise PlatformError(f"{title} failed" + ("" if shown else f"; the end of {log}:\n{tail(log, 25)}"))

    def _send_batch(self) -> None:
        command = [sys.executable, "manage.py", "demo", "--count", "200", "--if-none"]
        try:
            self._step("Sending a batch of applicants, unless there is one", command, shown=True)
        except PlatformError:
            say("The batch did not come to rest; what happened stands above. The platform serves on.")

    def _in_terminal(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            env=self.environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGKILL),
        )

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.port}/readyz", timeout=3) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    # watching

    def _pause(self, seconds: float) -> None:
        """One round of the watch. Raises Stopped once we were asked to stop."""
        self._watch()
        time.sleep(seconds)
        if self.stopping:
            raise Stopped

    def _watch(self) -> None:
        for service in self._services():
            if self._is_gone(service):
                say(f"{service.name} stopped; starting it again")
                self._start_service(service)
        for child in self.children:
            if child.process is None or child.process.poll() is not None:
                self._restart(child)

    def _is_gone(self, service: Postgres | Valkey) -> bool:
        """Our own by its process; one that we found running by asking it, every two seconds."""
        process = self.owned.get(service.name)
        if process is not None:
            return process.poll() is not None
        if time.monotonic() < self.ask_next:
            return False
        self.ask_next = time.monotonic() + 2
        return not service.is_running()

    def _keep(self, child: Child) -> None:
        self.children.append(child)
        self._spawn(child)

    def _spawn(self, child: Child) -> None:
        log = self.run_dir / "logs" / f"{child.name}.log"
        environment = self.environment | ({FOLLOW: "1"} if child.name == "web" else {})
        child.process = spawn(child.command, log=log, env=environment, cwd=ROOT, dies_by=child.dies_by)
        child.started = time.monotonic()

    def _restart(self, child: Child) -> None:
        """Start a dead child again; one that dies at once is given ever longer pauses, up to ten seconds."""
        now = time.monotonic()
        if child.process is not None:
            end_group(child.process, signal.SIGKILL)  # what its leader left behind holds the port
            child.failures = child.failures + 1 if now - child.started < 10 else 0
            child.not_before = now + min(10.0, 0.5 * child.failures)
            say(f"{child.name} stopped ({_how(child.process.returncode)}); starting it again")
            child.process = None
        if now >= child.not_before:
            self._spawn(child)

    # stopping

    def _ask_to_stop(self, number: int, frame: object) -> None:
        self.stopping = True

    def _stop(self) -> None:
        processes = [child.process for child in reversed(self.children) if child.process is not None]
        for process in processes:
            end_group(process, signal.SIGTERM)
        wait_until(lambda: all(process.poll() is not None for process in processes), seconds=POLITE_SECONDS)
        for process in processes:
            end_group(process, signal.SIGKILL)
            process.wait()
        for service in reversed(self._services()):
            if service.name in self.owned:
                service.stop()
                self.owned[service.name].wait()

    def _lock(self) -> IO[str]:
        """One platform a run directory. The kernel drops the lock of a killed one."""
        self.run_dir.mkdir(parents=True, exist_ok=True)
        lock = (self.run_dir / "run.lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise PlatformError(f"A platform already runs here (process {lock.read().strip()}).") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        return lock


def stop_running(run_dir: Path) -> None:
    """Tell the platform that runs in this directory to stop, and wait for it; nothing where none does."""
    path = run_dir / "run.lock"
    if not path.exists():
        return
    with path.open("r+") as lock:
        if not _is_held(lock):
            return
        os.kill(int(lock.read()), signal.SIGTERM)
        if not wait_until(lambda: not _is_held(lock), seconds=3 * POLITE_SECONDS):
            raise PlatformError("The running platform does not stop.")


def _is_held(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(lock, fcntl.LOCK_UN)
    return False


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit {code}"
