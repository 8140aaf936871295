"""`python -m lending.management.platform run | services | stop | discard | exec COMMAND… | test [pytest's]…`."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from .environment import ROOT, for_children
from .postgres import Postgres, discard
from .processes import PlatformError, die_with_parent, locked, say
from .run import Platform, stop_running
from .valkey import Valkey


def main() -> int:
    arguments, rest = _parser().parse_known_args()
    run_dir: Path = arguments.dir.resolve()
    try:
        match arguments.command:
            case "run":
                return Platform(run_dir, arguments.port, arguments.sandbox_port, with_demo=not arguments.no_demo).run()
            case "services":
                return _services(run_dir, durable=not arguments.fast)
            case "exec":
                command = arguments.rest + rest
                os.execvpe(command[0], command, for_children(run_dir))  # noqa: S606  the caller's own command
            case "test":
                return _test(run_dir / "test", rest)
            case "stop" | "discard":
                return _stop(run_dir, discarding=arguments.command == "discard")
    except PlatformError as problem:
        print(problem, file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lending.management.platform", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--dir", type=Path, default=Path(os.environ.get("RUN_DIR", ROOT / ".run")), metavar="DIR")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="everything, in the foreground, until Ctrl-C")
    run.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8000))
    run.add_argument("--sandbox-port", type=int, default=int(os.environ.get("SANDBOX_PORT") or 8100))
    run.add_argument("--no-demo", action="store_true", help="without the first batch of applicants")
    services = commands.add_parser(
        "services", help="start Postgres and Valkey and leave them running; print their URLs"
    )
    services.add_argument("--fast", action="store_true", help="without fsync: for tests")
    commands.add_parser("stop", help="stop Postgres and Valkey")
    commands.add_parser("discard", help="stop what runs here and remove the data")
    execute = commands.add_parser("exec", help="run a command with the platform's environment")
    execute.add_argument("rest", nargs=argparse.REMAINDER)
    commands.add_parser("test", help="pytest on services of its own", add_help=False)
    return parser


def _services(run_dir: Path, *, durable: bool) -> int:
    with locked(run_dir / "services.lock"):
        postgres, valkey = Postgres(run_dir, durable=durable), Valkey(run_dir)
        postgres.start()
        valkey.start()
        say(f"DATABASE_URL={postgres.url}\nREDIS_URL={valkey.url}")
    return 0


def _stop(run_dir: Path, *, discarding: bool) -> int:
    stop_running(run_dir)
    with locked(run_dir / "services.lock"):
        Valkey(run_dir).stop()
        Postgres(run_dir).stop()
        if discarding:
            discard(run_dir)
            for name in ("valkey", "media", "test-media"):
                shutil.rmtree(run_dir / name, ignore_errors=True)
            for file in (*run_dir.glob("sandbox.sqlite3*"), *run_dir.glob("*.json")):
                file.unlink()
    return 0


def _test(run_dir: Path, arguments: list[str]) -> int:
    """pytest beside a Postgres and a Valkey that give up crash safety for speed; theirs where the URLs are given."""
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is pytest's; what is left is ours to stop
    with locked(run_dir / "test.lock"):
        services: list[Postgres | Valkey] = [Postgres(run_dir, durable=False), Valkey(run_dir)]
        owned = [service for service in services if not os.environ.get(service.variable)]
        try:
            for service in owned:
                service.start(dies_by=service.polite_end)
            command = [sys.executable, "-m", "pytest", *arguments]
            environment = for_children(run_dir) | {"DJANGO_SETTINGS_MODULE": "lending.settings.test"}
            arm = die_with_parent(signal.SIGKILL)
            return subprocess.run(command, env=environment, cwd=ROOT, preexec_fn=arm, check=False).returncode
        finally:
            for service in owned:
                service.stop()


if __name__ == "__main__":
    sys.exit(main())
