"""Who else is tied to a borrower: the same device, contact, card or home, or a contact who is a borrower. By index."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Value

from lending.common.crypto import mask_name, mask_phone
from users.models import BankCard, Contact, Device, Profile, User
from users.queries.people import OWN_AT_MOST, SHARED

# How two borrowers are tied, and what a reader calls it.
TIES = {
    "device": "设备 Same phone or computer",
    "card": "银行卡 Same bank card",
    "contact": "联系人 Same contact",
    "address": "住址 Same home address",
    "named_by": "被列为联系人 Names this borrower as a contact",
    "names": "联系人亦为借款人 Contact who is a borrower too",
}


# What of the borrower's own a tie goes by, where it is called otherwise.
OWN_OF = {"named_by": "phone", "names": "contact"}


@dataclass(frozen=True, slots=True)
class Tied:
    """Another borrower, masked."""

    user_id: int
    name: str
    phone: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Tie:
    """`people`: those who came latest; `more`: there are further ones. `known`: the borrower has such a thing."""

    kind: str
    title: str
    known: bool
    people: tuple[Tied, ...]
    more: bool


def network(user_id: int, *, at_most: int = 10) -> tuple[Tie, ...]:
    """One Tie for each of TIES, in its order. Nobody's number is read. Three statements, whatever there is."""
    own = _own(user_id)
    others = _others(user_id, own, at_most + 1)
    known = {kind: bool(own.get(OWN_OF.get(kind, kind))) for kind in TIES}
    people = masked({other for found in others.values() for other in found})
    return tuple(
        Tie(
            kind=kind,
            title=title,
            known=known[kind],
            people=tuple(people[other] for other in others.get(kind, ())[:at_most]),
            more=len(others.get(kind, ())) > at_most,
        )
        for kind, title in TIES.items()
    )


@dataclass(frozen=True, slots=True)
class Thing:
    """Something of the borrower's that others have to do with, masked. `people`: who and how, who came latest first;
    `more`: there are further ones."""

    kind: str
    label: str
    people: tuple[tuple[int, str], ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Web:
    """`people`: everybody whom a thing names, masked."""

    things: tuple[Thing, ...]
    people: dict[int, Tied]


HAS_IT_TOO, NAMES_IT, IS_THEIRS = "has it too", "names it as a contact", "it is their own number"
THINGS = ("device", "card", "phone", "address")


def web(user_id: int, kinds: Iterable[str] = THINGS, *, each: int = 8, at_most: int = 20) -> Web:
    """What of THINGS ties the borrower to whom: one Thing for each device, card, phone or home that others share.

    Found by index, `each` people a thing and `at_most` together, however many there are. Nobody's number is read but
    the borrower's own.
    """
    wanted, known = set(kinds), dict[int, None]()
    things = []
    for kind, label, found in _things(user_id, wanted, each + 1):
        people = [(other, how) for other, how in found.items() if other != user_id]
        shown = [(other, how) for other, how in people[:each] if other in known or len(known) < at_most]
        for other, _ in shown:
            if len(known) < at_most:
                known[other] = None
        shown = [(other, how) for other, how in shown if other in known]
        if people:
            things.append(Thing(kind, label, tuple(shown), more=len(people) > len(shown)))
    return Web(tuple(things), masked(known))


def _things(user_id: int, kinds: set[str], limit: int) -> Iterator[tuple[str, str, dict[int, str]]]:
    """(kind, label, who and how) of everything the borrower has; the borrower may be among them."""
    if "device" in kinds:
        for device in Device.objects.filter(user_id=user_id).order_by("-last_seen_at")[:OWN_AT_MOST]:
            label = f"{device.platform} {device.model}".strip()
            yield "device", label, _sharing("device", device.fingerprint_index, limit)
    if "card" in kinds:
        for card in BankCard.objects.filter(user_id=user_id).order_by("-created_at")[:OWN_AT_MOST]:
            yield "card", f"{card.bank or 'card'} •••• {card.last4}", _sharing("card", card.number_index, limit)
    if "phone" in kinds:
        own = User.objects.get(pk=user_id)
        if own.phone_index:
            yield "phone", f"own {mask_phone(own.phone or '')}", _sharing("contact", own.phone_index, limit, NAMES_IT)
        for contact in Contact.objects.filter(user_id=user_id).exclude(phone_index=""):
            theirs = User.objects.filter(phone_index=contact.phone_index, kind="borrower").values_list("pk", flat=True)
            others = _sharing("contact", contact.phone_index, limit, NAMES_IT)
            found = others | dict.fromkeys(theirs, IS_THEIRS)
            yield "phone", f"{contact.relation} {mask_phone(contact.phone)}", found
    if "address" in kinds:
        home = Profile.objects.filter(user_id=user_id).exclude(address_index="").first()
        if home is not None:
            yield "address", f"home in {home.province} {home.city}", _sharing("address", home.address_index, limit)


def _sharing(thing: str, value: str, limit: int, how: str = HAS_IT_TOO) -> dict[int, str]:
    """Whose row has the value, the latest first, one more than asked for in case the borrower is among them."""
    if not value:
        return {}
    model, column, newest = SHARED[thing]
    rows = model.objects.filter(**{column: value}).order_by(f"-{newest}").values_list("user_id", flat=True)
    return dict.fromkeys(rows[: limit + 1], how)


def masked(user_ids: Iterable[int]) -> dict[int, Tied]:
    """By account, at one go."""
    rows = User.objects.filter(pk__in=set(user_ids)).select_related("profile")
    return {row.pk: Tied(row.pk, _name(row), mask_phone(row.phone or ""), row.created_at) for row in rows}


def _name(row: User) -> str:
    profile = getattr(row, "profile", None)
    return mask_name(profile.name or "") if profile else ""


def _own(user_id: int) -> dict[str, list[str]]:
    """The indexes by which this borrower could be tied: those of SHARED, and the phone."""
    parts = [
        model.objects.filter(user_id=user_id)
        .exclude(**{column: ""})
        .order_by(f"-{newest}")
        .values_list(Value(thing), column)[:OWN_AT_MOST]
        for thing, (model, column, newest) in SHARED.items()
    ]
    phone = User.objects.filter(pk=user_id, phone_index__isnull=False).values_list(Value("phone"), "phone_index")
    return _grouped(phone.union(*parts, all=True))


def _others(user_id: int, own: Mapping[str, Sequence[str]], at_most: int) -> dict[str, tuple[int, ...]]:
    """By kind of tie, other borrowers, of each thing those that came latest; at most so many of a kind."""
    parts = [
        model.objects.filter(**{column: value})
        .order_by(f"-{newest}")
        .values_list(Value(thing), "user_id")[: at_most + 1]
        for thing, (model, column, newest) in SHARED.items()
        for value in own.get(thing, ())
    ]
    for phone in own.get("phone", ()):
        naming = Contact.objects.filter(phone_index=phone).exclude(user_id=user_id).order_by("-created_at")
        parts.append(naming.values_list(Value("named_by"), "user_id")[: 2 * at_most])
    if contacts := own.get("contact"):
        named = User.objects.filter(phone_index__in=contacts, kind="borrower").exclude(pk=user_id).order_by("-pk")
        parts.append(named.values_list(Value("names"), "pk")[:at_most])
    if not parts:
        return {}
    found = _grouped(parts[0].union(*parts[1:], all=True) if parts[1:] else parts[0])
    return {kind: tuple(pk for pk in dict.fromkeys(ids) if pk != user_id)[:at_most] for kind, ids in found.items()}


def _grouped(rows: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for kind, value in rows:
        found.setdefault(kind, []).append(value)
    return found
