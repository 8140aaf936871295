"""Which tests begin first: those that wait more than they work, so that the short ones fill their pauses.

Each process of `-n N --dist worksteal` begins with a run of neighbours: the long ones stand where the runs begin.
"""

from collections.abc import Sequence

import pytest

LONG = (
    "tests/journeys/test_batch.py",
    "tests/browser/test_analyst_journey.py",
    "tests/browser/",
    "tests/unit/lending/test_platform.py",  # migrates a platform of its own, as the first does: not at one time
    "tests/journeys/",
    "tests/doors/test_fuzz.py",
    "tests/unit/lending/test_sandbox_money.py",
)


def spread(items: Sequence[pytest.Item], processes: int) -> list[pytest.Item]:
    """The same tests; the n-th long one begins the (n modulo `processes`)-th run."""
    ranked = [(_rank(item), item) for item in items]
    long = [item for rank, item in sorted(ranked, key=lambda pair: pair[0]) if rank < len(LONG)]
    short = [item for rank, item in ranked if rank == len(LONG)]
    size = -(-len(items) // processes)
    ordered: list[pytest.Item] = []
    for process in range(processes):
        begin = long[process::processes]
        fill = max(size - len(begin), 0)
        ordered += begin + short[:fill]
        short = short[fill:]
    return ordered + short


def _rank(item: pytest.Item) -> int:
    return next((rank for rank, path in enumerate(LONG) if item.nodeid.startswith(path)), len(LONG))
