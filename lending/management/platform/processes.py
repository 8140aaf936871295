"""Processes, ports and small files: what Postgres, Valkey and the supervisor share."""

import ctypes
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

HOST = "127.0.0.1"
PR_SET_PDEATHSIG = 1


class PlatformError(Exception):
    """A start that cannot go on; the message is for the person at the terminal."""


def say(message: str) -> None:
    """Print one line of progress at once, also into a pipe."""
    print(message, flush=True)


def is_free(port: int) -> bool:
    """Whether a server may bind `port` on this machine now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(wanted: int | None = None) -> int:
    """`wanted` where nobody has it, else a port that the system picks."""
    if wanted and is_free(wanted):
        return wanted
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_until(is_ready: Callable[[], bool], *, seconds: float, pause: float = 0.05) -> bool:
    """Poll `is_ready` for `seconds` at most; say whether it became true."""
    deadline = time.monotonic() + seconds
    while not is_ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def read_state(path: Path) -> dict[str, str]:
    """What the last start wrote beside its data; empty where there is none or a crash cut it short."""
    try:
        return {str(key): str(value) for key, value in json.loads(path.read_text()).items()}
    except (OSError, ValueError):
        return {}


def write_state(path: Path, state: Mapping[str, str]) -> None:
    """Replace `path` in one step, readable by its owner alone: it holds a password."""
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(dict(state), file)
    draft.replace(path)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Only one start or stop at a time. The kernel drops the lock of a killed holder, so it is never stale."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def die_with_parent(number: signal.Signals) -> Callable[[], None]:
    """For `preexec_fn`: the kernel sends `number` to the child when its parent dies, kill -9 included (Linux)."""
    if sys.platform != "linux":
        return lambda: None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # looked up before the fork: no allocation between fork and exec
    parent = os.getpid()

    def arm() -> None:
        prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # died between fork and prctl
            os.kill(os.getpid(), signal.SIGKILL)

    return arm


FOLLOW = "WEB_WORKERS_FOLLOW"  # set for web by `run` alone


def follow_parent(number: signal.Signals) -> None:
    """The kernel sends `number` to this very process when the one that started it dies (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number))


def spawn(
    command: Sequence[str | os.PathLike[str]],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    uid: int | None = None,
    dies_by: signal.Signals | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in a process group of its own with its output appended to `log`.

    dies_by: the signal it gets when this process dies; None lets it live on (the `services` command).
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            [os.fspath(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=None if dies_by is None else die_with_parent(dies_by),
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
        )


def process_of(pid: int) -> tuple[str, str] | None:
    """(name of the executable, working directory) of a live process; None where it is gone or not ours to see."""
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe")), os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return None


def processes_in(directory: Path, name: str) -> list[int]:
    """Ids of live processes called `name` whose working directory is `directory`: the orphans of a killed server."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        facts = process_of(int(entry.name))
        if facts and facts[0].split(" ")[0] == name and facts[1].split(" ")[0] == str(directory):
            found.append(int(entry.name))
    return found


def end(pids: Sequence[int], *, number: signal.Signals = signal.SIGKILL) -> None:
    """Send `number` to each process that is still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def end_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal the whole group of `process`, which outlives its leader."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def tail(log: Path, lines: int = 15) -> str:
    """The end of a log, for an error message."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
