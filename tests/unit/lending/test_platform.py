"""Embedded Postgres and Valkey survive what happens to them on somebody's laptop."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg2
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from lending.management.platform.environment import ROOT
from lending.management.platform.postgres import Postgres, discard
from lending.management.platform.processes import (
    PlatformError,
    free_port,
    processes_in,
    read_state,
    wait_until,
    write_state,
)
from lending.management.platform.run import Platform, stop_running
from lending.management.platform.valkey import Valkey

pytestmark = pytest.mark.platform
SLOWEST = 900  # seconds until a start counts as failed, on a machine that is busy with everything else


def ask(postgres: Postgres, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(postgres.url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A durable cluster; made once, because initdb costs a second."""
    service = Postgres(tmp_path_factory.mktemp("platform"))
    service.start(dies_by=signal.SIGINT)
    ask(service, "CREATE TABLE kept (value int)")
    yield service
    service.stop()
    discard(service.run_dir)


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    service = Valkey(tmp_path)
    service.start(dies_by=signal.SIGTERM)
    yield service
    service.stop()


class TestPostgres:
    def test_a_second_start_finds_the_first(self, postgres: Postgres) -> None:
        postgres.start(dies_by=signal.SIGINT)
        state, pid = read_state(postgres.state_file), postgres.pid
        write_state(postgres.state_file, state | {"kept": "yes"})
        assert postgres.start() is None
        assert postgres.pid == pid

    def test_keeps_what_is_committed_when_killed(self, postgres: Postgres) -> None:
        postgres.start(dies_by=signal.SIGINT)
        ask(postgres, "INSERT INTO kept VALUES (1)")
        assert postgres.pid is not None
        os.kill(postgres.pid, signal.SIGKILL)
        assert wait_until(lambda: not postgres.is_running(), seconds=60)
        postgres.start(dies_by=signal.SIGINT)
        assert ask(postgres, "SELECT count(*) >= 1 FROM kept") == [(True,)]

    def test_starts_although_its_lock_names_a_live_stranger(self, postgres: Postgres) -> None:
        postgres.start(dies_by=signal.SIGINT)
        data_dir = Path(read_state(postgres.state_file)["data_dir"])
        postgres.stop()
        with subprocess.Popen(["sleep", "60"]) as stranger:
            (data_dir / "postmaster.pid").write_text(f"{stranger.pid}\n{data_dir}\n0\n1\n\n127.0.0.1\n")
            postgres.start(dies_by=signal.SIGINT)
            assert postgres.is_running()
            assert stranger.poll() is None  # and nobody ended the stranger
            stranger.kill()

    def test_moves_when_its_port_was_taken_meanwhile(self, postgres: Postgres) -> None:
        postgres.start(dies_by=signal.SIGINT)
        postgres.stop()
        port = int(read_state(postgres.state_file)["port"])
        with socket.socket() as squatter:
            squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            squatter.bind(("127.0.0.1", port))
            squatter.listen()
            postgres.start(dies_by=signal.SIGINT)
        assert int(read_state(postgres.state_file)["port"]) != port
        assert postgres.is_running()

    def test_does_not_take_another_server_on_its_port_for_itself(self, postgres: Postgres) -> None:
        postgres.start(dies_by=signal.SIGINT)
        state = read_state(postgres.state_file)
        write_state(postgres.state_file, state | {"data_dir": "/somewhere/else"})
        try:
            assert not postgres.is_running()
        finally:
            write_state(postgres.state_file, state)
        assert postgres.is_running()

    def test_leaves_no_process_when_stopped(self, postgres: Postgres) -> None:
        postgres.start(dies_by=signal.SIGINT)
        data_dir = Path(read_state(postgres.state_file)["data_dir"])
        assert processes_in(data_dir, "postgres")
        postgres.stop()
        assert processes_in(data_dir, "postgres") == []

    def test_refuses_strangers_without_the_password(self, postgres: Postgres) -> None:
        postgres.start(dies_by=signal.SIGINT)
        password = read_state(postgres.state_file)["password"]
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(postgres.url.replace(password, "guess"))


class TestValkey:
    def test_keeps_what_it_confirmed_when_killed(self, valkey: Valkey) -> None:
        client = redis.Redis.from_url(valkey.url)
        client.set("kept", "1")
        client.execute_command("WAITAOF", 1, 0, 3000)
        assert valkey.pid is not None
        os.kill(valkey.pid, signal.SIGKILL)
        assert wait_until(lambda: valkey.pid is None, seconds=60)
        valkey.start(dies_by=signal.SIGTERM)
        assert redis.Redis.from_url(valkey.url).get("kept") == b"1"

    def test_loads_a_file_whose_end_was_cut_off(self, valkey: Valkey) -> None:
        redis.Redis.from_url(valkey.url).set("kept", "1")
        valkey.stop()
        log = next((valkey.data_dir / "appendonlydir").glob("*.incr.aof"))
        log.write_bytes(log.read_bytes() + b"*3\r\n$3\r\nSET\r\n$4\r\nke")
        valkey.start(dies_by=signal.SIGTERM)
        assert redis.Redis.from_url(valkey.url).get("kept") == b"1"

    def test_asks_for_its_password(self, valkey: Valkey) -> None:
        port = int(read_state(valkey.state_file)["port"])
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=port, retry=Retry(NoBackoff(), 0)).ping()


class TestServicesCommand:
    def test_two_at_once_start_one_cluster(self, tmp_path: Path) -> None:
        command = [sys.executable, "-m", "lending.management.platform", "--dir", str(tmp_path)]
        try:
            starts = [subprocess.Popen([*command, "services", "--fast"], stdout=subprocess.PIPE) for _ in range(2)]
            answers = [start.communicate(timeout=180)[0] for start in starts]
            assert answers[0] == answers[1]
            assert answers[0].startswith(b"DATABASE_URL=postgres://")
        finally:
            subprocess.run([*command, "discard"], check=True)
        assert not Postgres(tmp_path).is_running()
        assert not Valkey(tmp_path).is_running()


class TestRun:
    @pytest.mark.parametrize("variable", ["PORT", "SANDBOX_PORT"])
    def test_names_the_variable_of_a_taken_port(self, tmp_path: Path, variable: str) -> None:
        with socket.socket() as squatter:
            squatter.bind(("127.0.0.1", 0))
            squatter.listen()
            ports = {"PORT": free_port(), "SANDBOX_PORT": free_port()} | {variable: squatter.getsockname()[1]}
            command = [sys.executable, "-m", "lending.management.platform", "--dir", str(tmp_path), "run"]
            environment = os.environ | {name: str(port) for name, port in ports.items()}
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 1
        assert f"make run {variable}=" in done.stderr
        assert not (tmp_path / "postgres.json").exists()

    def test_refuses_a_directory_where_one_runs(self, tmp_path: Path) -> None:
        first = Platform(tmp_path, free_port(), free_port())
        with first._lock(), pytest.raises(PlatformError, match="already runs"):
            Platform(tmp_path, free_port(), free_port())._lock()

    def test_is_told_to_stop_by_the_stop_command(self, tmp_path: Path) -> None:
        stop_running(tmp_path)  # where none runs, nothing happens
        holder = "import pathlib, signal, sys; from lending.management.platform.run import Platform\n"
        holder += "lock = Platform(pathlib.Path(sys.argv[1]), 1, 1)._lock(); print('held', flush=True); signal.pause()"
        command = [sys.executable, "-c", holder, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}) as platform:
            assert platform.stdout is not None
            assert platform.stdout.readline() == b"held\n"
            stop_running(tmp_path)
            assert platform.wait(timeout=60) == -signal.SIGTERM

    def test_tells_its_ports_comes_back_from_kill_9_and_leaves_nothing_behind(self, tmp_path: Path) -> None:
        """In one test: a start costs most of the time."""
        port = free_port()
        environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        environment |= {"RUN_DIR": str(tmp_path), "PORT": str(port), "SANDBOX_PORT": str(free_port())}
        environment["DJANGO_SETTINGS_MODULE"] = "lending.settings.dev"
        command = [sys.executable, "-m", "lending.management.platform", "run", "--no-demo"]
        with (tmp_path / "out").open("wb") as out:
            platform = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
        try:
            assert wait_until(
                lambda: "Serving" in said(tmp_path) or platform.poll() is not None, seconds=SLOWEST, pause=0.2
            )
            assert platform.poll() is None, said(tmp_path)
            kept = {name: value for name, value in environment.items() if name not in ("PORT", "SANDBOX_PORT")}
            asking = "from django.conf import settings; print(settings.PORT, settings.PUBLIC_URL, settings.SANDBOX_URL)"
            told = subprocess.check_output([sys.executable, "-c", asking], env=kept, cwd=ROOT, text=True).split()
            assert told == [str(port), f"http://127.0.0.1:{port}", f"http://127.0.0.1:{environment['SANDBOX_PORT']}"]
            for pair in (("worker", "web"), ("Postgres", "Valkey")):
                before = {name: pid_of(name, tmp_path) for name in pair}
                for pid in before.values():
                    os.kill(pid, signal.SIGKILL)
                back = wait_until(
                    lambda b=before: all(pid_of(n, tmp_path) not in (0, b[n]) for n in b), seconds=SLOWEST
                )
                assert back, said(tmp_path)
                assert wait_until(lambda: is_ready(port), seconds=SLOWEST, pause=0.2), said(tmp_path)
            platform.kill()
            platform.wait()
            assert wait_until(lambda: not members(tmp_path), seconds=60), members(tmp_path)
        finally:
            platform.kill()
            platform.wait()
            wait_until(lambda: not members(tmp_path), seconds=60)
            discard(tmp_path)


def said(run_dir: Path) -> str:
    return (run_dir / "out").read_text(errors="replace")


def members(run_dir: Path) -> dict[int, str]:
    """Every live process of this run directory, id -> command line; Valkey, which hides its environment, by folder."""
    found = dict.fromkeys(processes_in(run_dir / "valkey", "valkey-server"), "valkey-server")
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"RUN_DIR={run_dir}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return {pid: line for pid, line in found.items() if line}


def pid_of(name: str, run_dir: Path) -> int:
    """0 while there is none."""
    marks = {"worker": "celery -A lending.celery worker", "web": "granian", "Valkey": "valkey-server"}
    if name == "Postgres":
        return Postgres(run_dir).pid or 0
    return min((pid for pid, line in members(run_dir).items() if marks[name] in line), default=0)


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=20).status_code == 200
    except httpx.HTTPError:
        return False
