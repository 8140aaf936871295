"""Who else is tied to a borrower: the same device, contact, card or home, or a contact who is a borrower. By index."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Value

from lending.common.crypto import mask_name, mask_phone
from users.models import Contact, User
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
