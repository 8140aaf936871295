"""A network in two rings: everybody once, inside the box, near what leads to them, and nothing unescaped."""

import re

from lending.common.drawing import SIZE, Node, rings


def drawn(things: int, people: int, ties: list[tuple[int, int]]) -> str:
    inner = [Node(mark=f"D{number}", told="a device") for number in range(things)]
    outer = {key: Node(mark=str(key), told="<b>", name="王<", address=f"/customers/{key}/") for key in range(people)}
    return rings("Network", Node(mark="?", told="this one"), inner, outer, [(*tie, "has it too") for tie in ties])


class TestRings:
    def test_draws_everybody_once_and_every_tie(self) -> None:
        text = drawn(3, 20, [*((key % 3, key) for key in range(20)), (0, 1), (2, 4)])
        assert (text.count("<circle"), text.count("<line"), text.count("<a ")) == (24, 25, 20)
        assert "<b>" not in text
        places = [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', text)]
        assert len(set(places)) == 24
        assert all(20 <= value <= SIZE - 20 for place in places for value in place)
        nearest = min((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 for n, a in enumerate(places) for b in places[:n])
        assert nearest > 30**2  # no two circles touch

    def test_draws_a_thing_that_leads_to_nobody_new(self) -> None:
        assert drawn(2, 1, [(0, 0), (1, 0)]).count("<circle") == 4
