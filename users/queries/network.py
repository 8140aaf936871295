"""Who else is tied to a borrower: the same device, contact, card or home, or a contact who is a borrower. By index."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from lending.common.crypto import mask_name, mask_phone
from users.models import Contact, User
from users.queries.people import SHARED, sharers

# How two borrowers are tied, and what a reader calls it.
TIES = {
    "device": "设备 Same phone or computer",
    "card": "银行卡 Same bank card",
    "contact": "联系人 Same contact",
    "address": "住址 Same home address",
    "named_by": "被列为联系人 Names this borrower as a contact",
    "names": "联系人亦为借款人 Contact who is a borrower too",
}


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
    """One Tie for each of TIES, in its order. Nobody's number is read."""
    found = {thing: sharers(user_id, thing, at_most=at_most + 1) for thing in SHARED}
    found |= {"named_by": _named_by(user_id, at_most + 1), "names": _names(user_id, at_most + 1)}
    people = masked({other for others in found.values() for other in others or ()})
    return tuple(
        Tie(
            kind=kind,
            title=title,
            known=found[kind] is not None,
            people=tuple(people[other] for other in (found[kind] or ())[:at_most]),
            more=len(found[kind] or ()) > at_most,
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


def _named_by(user_id: int, at_most: int) -> tuple[int, ...] | None:
    """Others who gave this borrower's phone as a contact's; None without a phone."""
    index = User.objects.filter(pk=user_id).values_list("phone_index", flat=True).first()
    if not index:
        return None
    rows = Contact.objects.filter(phone_index=index).exclude(user_id=user_id).order_by("-created_at")
    return tuple(dict.fromkeys(rows.values_list("user_id", flat=True)[: 2 * at_most]))[:at_most]


def _names(user_id: int, at_most: int) -> tuple[int, ...] | None:
    """Contacts of this borrower who have an account of their own; None without contacts."""
    indexes = list(
        Contact.objects.filter(user_id=user_id).exclude(phone_index="").values_list("phone_index", flat=True)
    )
    if not indexes:
        return None
    rows = User.objects.filter(phone_index__in=indexes, kind="borrower").exclude(pk=user_id).order_by("-pk")
    return tuple(rows.values_list("pk", flat=True)[:at_most])
