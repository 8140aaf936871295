"""Whom a borrower shares phones, devices, cards and a home with; only as far as the reader may see such things."""

from dataclasses import dataclass

from lending.overview.dashboard import May
from users import queries as users

# What ties borrowers: the table whose reader may know of it, its mark in the drawing, and its name.
KINDS = {
    "device": ("users.Device", "D", "Device"),
    "card": ("users.BankCard", "C", "Bank card"),
    "phone": ("users.Contact", "P", "Phone"),
    "address": ("users.Profile", "H", "Home"),
}


@dataclass(frozen=True, slots=True)
class Shared:
    """One thing that others have to do with. `people`: whom the drawing shows under which number, and how they are
    tied; `more`: there are further ones."""

    mark: str
    kind: str
    label: str
    people: tuple[tuple[int, users.Tied, str], ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Network:
    """`hidden`: kinds of things that the reader may not see. `people`: by their number in the drawing."""

    name: str
    things: tuple[Shared, ...]
    people: dict[int, users.Tied]
    hidden: tuple[str, ...]


def network(user_id: int, name: str, *, may: May) -> Network:
    """`name`: of the borrower, masked."""
    allowed = [kind for kind, (label, _, _) in KINDS.items() if may(label)]
    web = users.web(user_id, allowed)
    numbers = {other: number for number, other in enumerate(web.people, start=1)}
    counted: dict[str, int] = {}
    things = []
    for thing in web.things:
        _, letter, title = KINDS[thing.kind]
        counted[letter] = counted.get(letter, 0) + 1
        people = tuple((numbers[other], web.people[other], how) for other, how in thing.people)
        things.append(Shared(f"{letter}{counted[letter]}", title, thing.label, people, thing.more))
    return Network(
        name=name,
        things=tuple(things),
        people={numbers[other]: person for other, person in web.people.items()},
        hidden=tuple(title for kind, (_, _, title) in KINDS.items() if kind not in allowed),
    )
