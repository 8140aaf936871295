"""The benchmark of path 6 measures what it says: all ways take the same, and none of them more than there is."""

import re
from io import StringIO

import pytest

from lending.management.commands import bench_headroom
from tests.conftest import Clock
from tests.factories.configuration import configure


@pytest.mark.django_db(transaction=True)
def test_every_way_gives_what_is_left_and_no_more(clock: Clock) -> None:
    configure(clock.at, apps=("lending", "users", "funding"))
    told = StringIO()
    command = bench_headroom.Command(stdout=told)
    wrong = command.measure(reservations=1, rounds=1, workers=2, at_once=30)
    assert [line for line in wrong if not line.startswith("ratio")] == []  # so few tell nothing about speed
    races = re.findall(r"(\d+) at a time, (.+?) +[\d.,]+ a second", told.getvalue())
    assert [count for count, _ in races] == ["1"] * 3 + ["2"] * 3
    assert told.getvalue().count("27 got one, over by 0") == 2
    taken = bench_headroom.ROWS["Total"].objects.get().used_cents
    for name, model in bench_headroom.ROWS.items():
        assert sum(row.used_cents for row in model.objects.all()) == taken, name
    assert bench_headroom.Reservation.objects.count() * bench_headroom.AMOUNT == taken
