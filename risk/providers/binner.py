"""Proposing bins: optbinning in a process of its own, so that neither its size nor its lock is anybody else's."""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("binner_program.py")
SECONDS = 600
ADVICE = "optbinning is not installed where the workers run. Install it with `make modelling`."


class NotInstalled(Exception):
    """The message says how to install it."""


class Stopped(Exception):
    """`on_step` answered that nobody waits for it any more."""


class BinningFailed(Exception):
    """The process died or took too long."""


def is_installed() -> bool:
    """Looks without importing."""
    return find_spec("optbinning") is not None


def propose(
    columns: Sequence[Mapping[str, Any]],
    bad: Sequence[bool],
    *,
    max_bins: int,
    min_share: float,
    monotone: bool,
    on_step: Callable[[int], bool],
) -> dict[str, dict[str, Any]]:
    """By variable: {edges} of a number, {groups} of a text, with {status}; or {error}.

    columns: {variable, type: int | text, values}. `on_step` hears how many are done, and goes on where it says True.
    Raises NotInstalled, Stopped, BinningFailed.
    """
    if not is_installed():
        raise NotInstalled(ADVICE)
    asked = {"columns": columns, "bad": bad, "max_bins": max_bins, "min_share": min_share, "monotone": monotone}
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryFile("w+") as complaints:
        process = subprocess.Popen(
            [sys.executable, "-I", str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        alarm = threading.Timer(SECONDS, process.kill)
        alarm.start()
        try:
            _ask(process, asked)
            assert process.stdout is not None  # noqa: S101  asked for above
            for line in process.stdout:
                answer = json.loads(line)
                found[answer.pop("variable")] = answer
                if not on_step(len(found)):
                    raise Stopped
        finally:
            alarm.cancel()
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if len(found) < len(columns):
            complaints.seek(0)
            last = complaints.read().strip().splitlines()[-1:]
            raise BinningFailed(f"after {len(found)} of {len(columns)} variables: {''.join(last)[:200]}")
    return found


def _ask(process: "subprocess.Popen[str]", asked: Mapping[str, Any]) -> None:
    assert process.stdin is not None  # noqa: S101  opened by the caller
    try:
        json.dump(asked, process.stdin)
        process.stdin.close()
    except BrokenPipeError as error:
        raise BinningFailed("the process ended before it had read the rows") from error
