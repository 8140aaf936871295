"""Who somebody is, as declared, and what we know of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from lending.common.compiled import compiled
from lending.common.crypto import blind_index
from lending.common.errors import Invalid, NotFound
from users.models import BankCard, Contact, Device, Profile, User
from users.queries.levels import LevelView, level_of
from users.rules import identity

# What an application cannot do without; see `missing_details`.
REQUIRED_DETAILS = ("name", "id_number", "province", "employment", "net_income_cents")

# What several borrowers may have in common: where it stands, under which index, and what says that it is new.
SHARED: dict[str, tuple[Any, str, str]] = {
    "device": (Device, "fingerprint_index", "last_seen_at"),
    "contact": (Contact, "phone_index", "created_at"),
    "card": (BankCard, "number_index", "created_at"),
    "address": (Profile, "address_index", "updated_at"),
}
OWN_AT_MOST = 20  # devices or cards of one borrower

# Every assessment asks these; as querysets, to put their four parts together took longer than Postgres to answer them.
LIST_HITS = """
SELECT entry.kind, entry.subject, entry.reason
FROM users_listentry entry JOIN (
    SELECT 'phone', phone_index FROM users_user WHERE id = %(user)s
    UNION ALL SELECT 'id_number', id_index FROM users_profile WHERE user_id = %(user)s
    UNION ALL SELECT 'card', number_index FROM users_bankcard WHERE user_id = %(user)s
    UNION ALL SELECT 'device', fingerprint_index FROM users_device WHERE user_id = %(user)s
) own (subject, subject_index) USING (subject, subject_index)
WHERE subject_index <> '' AND removed_at IS NULL AND (expires_at IS NULL OR expires_at > %(at)s)
ORDER BY entry.kind, entry.subject, entry.id
"""
ON_BLACK_LIST = """
SELECT DISTINCT own.user_id
FROM users_listentry entry JOIN (
    SELECT id, 'phone', phone_index FROM users_user WHERE id = ANY(%(users)s)
    UNION ALL SELECT user_id, 'id_number', id_index FROM users_profile WHERE user_id = ANY(%(users)s)
    UNION ALL SELECT user_id, 'card', number_index FROM users_bankcard WHERE user_id = ANY(%(users)s)
    UNION ALL SELECT user_id, 'device', fingerprint_index FROM users_device WHERE user_id = ANY(%(users)s)
) own (user_id, subject, subject_index) USING (subject, subject_index)
WHERE entry.kind = 'black' AND subject_index <> '' AND removed_at IS NULL
  AND (expires_at IS NULL OR expires_at > %(at)s)
"""
_OWN = {
    thing: f"(SELECT '{thing}', {column} FROM {model._meta.db_table} "  # noqa: S608  nothing of it comes from outside
    f"WHERE user_id = %(user)s AND {column} <> '' ORDER BY {newest} DESC LIMIT {OWN_AT_MOST})"
    for thing, (model, column, newest) in SHARED.items()
}
_SAME = {
    thing: "SELECT same.user_id FROM unnest(%(own)s) WITH ORDINALITY own (value, place), "  # noqa: S608
    f"LATERAL (SELECT user_id, {newest} FROM {model._meta.db_table} "
    f"WHERE {column} = own.value ORDER BY {newest} DESC LIMIT %(at_most)s) same "
    f"ORDER BY own.place, same.{newest} DESC"
    for thing, (model, column, newest) in SHARED.items()
}


@dataclass(frozen=True)
class AccountView:
    """An account without what its owner declared. `phone` is empty for staff."""

    user_id: int
    public_id: UUID
    kind: str
    phone: str = field(repr=False)
    language: str
    is_active: bool
    created_at: datetime


@dataclass(frozen=True)
class ContactView:
    relation: str
    name: str
    phone: str
    phone_index: str


@dataclass(frozen=True)
class Person:
    """A borrower as declared; what is not declared yet is "" or None. Money in cents a month."""

    user_id: int
    public_id: UUID
    name: str = field(repr=False)
    id_number: str = field(repr=False)
    id_index: str
    id_expires_on: date | None
    birth_date: date | None = field(repr=False)
    phone: str = field(repr=False)
    phone_index: str
    province: str
    city: str
    address: str = field(repr=False)
    employment: str
    employer: str = field(repr=False)
    job: str
    net_income_cents: int | None
    instalments_elsewhere_cents: int | None
    declared: Mapping[str, Any]
    contacts: tuple[ContactView, ...] = field(repr=False)
    level: LevelView
    language: str


@dataclass(frozen=True)
class Statistics:
    """What fairness is measured by and nothing may be decided by, read off the ID number. `sex`: female or male."""

    sex: str
    birth_date: date = field(repr=False)

    def age_on(self, day: date) -> int:
        """Full years."""
        born = self.birth_date
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


@dataclass(frozen=True)
class DeviceView:
    platform: str
    model: str
    system_version: str
    app_version: str
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True)
class ListHit:
    """`kind`: black, grey or white; `subject`: phone, id_number, card or device."""

    kind: str
    subject: str
    reason: str


def account(user_id: int) -> AccountView:
    """Raises NotFound."""
    user = _user(user_id)
    return AccountView(
        user.pk, user.public_id, user.kind, user.phone or "", user.language, user.is_active, user.created_at
    )


def person(user_id: int) -> Person:
    """Raises NotFound."""
    user = _found(_with_profile_and_level(user_id=user_id))
    profile = getattr(user, "profile", None) or Profile(user_id=user_id)
    return Person(
        user_id=user.pk,
        public_id=user.public_id,
        name=profile.name or "",
        id_number=profile.id_number or "",
        id_index=profile.id_index or "",
        id_expires_on=profile.id_expires_on,
        birth_date=identity.birth_date(profile.id_number) if profile.id_number else None,
        phone=user.phone or "",
        phone_index=user.phone_index or "",
        province=profile.province,
        city=profile.city,
        address=profile.address or "",
        employment=profile.employment,
        employer=profile.employer or "",
        job=profile.job,
        net_income_cents=profile.net_income_cents,
        instalments_elsewhere_cents=profile.instalments_elsewhere_cents,
        declared=profile.declared,
        contacts=tuple(
            ContactView(row.relation, row.name, row.phone, row.phone_index) for row in _contacts(user_id=user_id)
        ),
        level=level_of(getattr(user, "level_row", None)),
        language=user.language,
    )


def statistics_of(user_ids: Iterable[int]) -> dict[int, Statistics]:
    """By account, of those who have declared an ID number; one query."""
    found = {}
    for row in Profile.objects.filter(user_id__in=set(user_ids)).only("user_id", "id_number"):
        if number := row.id_number:
            found[row.user_id] = Statistics(identity.sex(number), identity.birth_date(number))
    return found


def missing_details(user_id: int) -> tuple[str, ...]:
    """Names of the details still missing before an application may be submitted; "contacts" where none is named."""
    profile = next(iter(_profiles(user_id=user_id)), Profile(user_id=user_id))
    missing = [name for name in REQUIRED_DETAILS if getattr(profile, name) in (None, "")]
    if not _contact_ids(user_id=user_id):
        missing.append("contacts")
    return tuple(missing)


def staff_actor(username: str) -> str:
    """ "staff:<id>" of an account. Raises NotFound."""
    found = User.objects.filter(username=username, kind="staff").values_list("pk", flat=True).first()
    if found is None:
        raise NotFound(f"There is no staff account {username!r}.")
    return f"staff:{found}"


def actor_name(by: str) -> str:
    """How an actor string is shown: "staff:5" by name, "user:7" as the borrower, others as they are."""
    kind, _, ident = by.partition(":")
    if kind == "staff" and ident.isdigit():
        user = User.objects.filter(pk=int(ident)).first()
        return user.get_full_name() if user else by
    return {"user": "Borrower", "system": "System"}.get(kind, ident or by)


def actor_names(by: Iterable[str]) -> dict[str, str]:
    """`actor_name` of each, at one go."""
    wanted = set(by)
    ids = {actor: int(actor[6:]) for actor in wanted if actor.startswith("staff:") and actor[6:].isdigit()}
    staff = User.objects.in_bulk(set(ids.values()))
    found = {actor: staff[pk].get_full_name() for actor, pk in ids.items() if pk in staff}
    return {actor: found.get(actor) or (actor if actor in ids else actor_name(actor)) for actor in wanted}


def people_with_number(text: str) -> tuple[int, ...]:
    """Whose whole phone, ID or card number `text` is, looked up by its blind index; nobody's data is read."""
    found = Q(pk__in=())
    for read, purpose, column in (
        (identity.phone, "phone", "phone_index"),
        (identity.id_number, "id_number", "profile__id_index"),
        (identity.card_number, "card", "bank_cards__number_index"),
    ):
        try:
            found |= Q(**{column: blind_index(read(text), purpose)})
        except Invalid:
            continue  # not a number of this kind
    return tuple(User.objects.filter(found).values_list("pk", flat=True).distinct())


def phone_place(number: str) -> str:
    """Where it was given out, in Chinese: province and mostly city; "" where that is unknown."""
    return identity.phone_place(number)


def user_id_of(public_id: UUID) -> int:
    """The borrower behind a public id. Raises NotFound."""
    found = User.objects.filter(public_id=public_id, kind="borrower").values_list("pk", flat=True).first()
    if found is None:
        raise NotFound("There is no such borrower.")
    return int(found)


def list_hits(user_id: int, at: datetime) -> tuple[ListHit, ...]:
    """Live list entries that name the borrower's phone, ID number, cards or devices."""
    with connection.cursor() as cursor:
        cursor.execute(LIST_HITS, {"user": user_id, "at": at})
        return tuple(ListHit(*row) for row in cursor.fetchall())


def on_black_list(user_ids: Iterable[int], at: datetime) -> set[int]:
    """Which of these borrowers a live entry of a black list names, as `list_hits`; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(ON_BLACK_LIST, {"users": list(user_ids), "at": at})
        return {row[0] for row in cursor.fetchall()}


def shareable(user_id: int, things: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """By each of `things` (device, contact, card, address): the indexes of the borrower's latest; one statement."""
    found: dict[str, tuple[str, ...]] = dict.fromkeys(things, ())
    if not found:
        return found
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(_OWN[thing] for thing in found), {"user": user_id})
        for thing, value in cursor.fetchall():
            found[thing] += (value,)
    return found


def sharers(user_id: int, thing: str, own: Iterable[str], *, at_most: int) -> tuple[int, ...]:
    """Other borrowers with a device, contact phone, bank card or home address of this one, whatever became of it.

    `own`: as in `shareable`. Of each the `at_most` that came latest, by index alone; so is the whole.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SAME[thing], {"own": list(own), "at_most": at_most + 1})
        found = dict.fromkeys(row[0] for row in cursor.fetchall())
    found.pop(user_id, None)
    return tuple(found)[:at_most]


def devices(user_id: int) -> tuple[DeviceView, ...]:
    """Latest seen first."""
    return tuple(
        DeviceView(row.platform, row.model, row.system_version, row.app_version, row.first_seen_at, row.last_seen_at)
        for row in Device.objects.filter(user_id=user_id).order_by("-last_seen_at")
    )


def device_accounts(fingerprint: str, since: datetime) -> int:
    """With how many accounts a device was seen since then."""
    index = blind_index(fingerprint, "device")
    return Device.objects.filter(fingerprint_index=index, last_seen_at__gte=since).count()


def _user(user_id: int) -> User:
    return _found(User.objects.filter(pk=user_id).select_related("profile"))


def _found(rows: Iterable[User]) -> User:
    for user in rows:
        return user
    raise NotFound("There is no such account.")


@compiled
def _with_profile_and_level(user_id: int) -> QuerySet[User]:
    return User.objects.filter(pk=user_id).select_related("profile", "level_row")


@compiled
def _profiles(user_id: int) -> QuerySet[Profile]:
    return Profile.objects.filter(user_id=user_id)


@compiled
def _contact_ids(user_id: int) -> QuerySet[Contact, int]:
    return Contact.objects.filter(user_id=user_id).values_list("pk", flat=True)


@compiled
def _contacts(user_id: int) -> QuerySet[Contact]:
    return Contact.objects.filter(user_id=user_id).order_by("position")
