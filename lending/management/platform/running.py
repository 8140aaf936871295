"""Where the platform of a run directory and its services answer, for commands started beside them."""

from pathlib import Path

from .postgres import Postgres
from .processes import read_state, write_state
from .valkey import Valkey

# Nothing listens there: commands that need no database start all the same, the others are refused at once.
ABSENT = {"DATABASE_URL": "postgres://cashloan@127.0.0.1:1/cashloan", "REDIS_URL": "redis://127.0.0.1:1/0"}

PORTS = {"PORT": 8000, "SANDBOX_PORT": 8100}


def ports(run_dir: Path) -> dict[str, int]:
    """PORT and SANDBOX_PORT that `run` was last told for this directory, else the usual ones."""
    told = read_state(run_dir / "ports.json")
    return {name: int(told.get(name, usual)) for name, usual in PORTS.items()}


def keep_ports(run_dir: Path, *, port: int, sandbox_port: int) -> None:
    write_state(run_dir / "ports.json", {"PORT": str(port), "SANDBOX_PORT": str(sandbox_port)})


def urls(run_dir: Path) -> dict[str, str]:
    """DATABASE_URL and REDIS_URL of the embedded services, addresses that refuse where none were ever started."""
    found = dict(ABSENT)
    postgres, valkey = Postgres(run_dir), Valkey(run_dir)
    if postgres.state_file.exists():
        found["DATABASE_URL"] = postgres.url
    if valkey.state_file.exists():
        found["REDIS_URL"] = valkey.url
    return found
