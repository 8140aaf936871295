"""Where the services of a run directory answer, for commands started beside them."""

from pathlib import Path

from .postgres import Postgres
from .valkey import Valkey

# Nothing listens there: commands that need no database start all the same, the others are refused at once.
ABSENT = {"DATABASE_URL": "postgres://cashloan@127.0.0.1:1/cashloan", "REDIS_URL": "redis://127.0.0.1:1/0"}


def urls(run_dir: Path) -> dict[str, str]:
    """DATABASE_URL and REDIS_URL of the embedded services, addresses that refuse where none were ever started."""
    found = dict(ABSENT)
    postgres, valkey = Postgres(run_dir), Valkey(run_dir)
    if postgres.state_file.exists():
        found["DATABASE_URL"] = postgres.url
    if valkey.state_file.exists():
        found["REDIS_URL"] = valkey.url
    return found
