"""When a funder that had no money may have some again."""

from datetime import datetime, time

import pytest

from funding.rules.hours import next_chance


@pytest.mark.parametrize(
    ("local", "opens", "cut_off", "then"),
    [
        ("2026-03-02T10:00", time(0), None, "2026-03-03T00:00"),  # round the clock: with the next day
        ("2026-03-02T10:00", time(0, 30), time(23), "2026-03-02T23:00"),  # its next day's money begins
        ("2026-03-02T23:10", time(0, 30), time(23), "2026-03-03T00:30"),  # that money was looked at: at the opening
        ("2026-03-02T05:00", time(6), time(22, 30), "2026-03-02T06:00"),
        ("2026-03-02T16:00", time(9), time(16), "2026-03-03T09:00"),
    ],
)
def test_next_chance(local: str, opens: time, cut_off: time | None, then: str) -> None:
    found = next_chance(local=datetime.fromisoformat(local), opens=opens, cut_off=cut_off)
    assert found == datetime.fromisoformat(then)
