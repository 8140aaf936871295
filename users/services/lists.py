"""Black, grey and white lists, kept as blind indexes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lending.common import clock, text
from lending.common.crypto import blind_index
from lending.common.errors import Conflict, Invalid, NotFound
from users.models import ListEntry, ListKind, ListSource, ListSubject
from users.rules import csvfile, identity, listfile
from users.services import access, acts

MAY_LIST = "users.add_listentry"
LOOKED_UP = 12  # digits of the blind index in the log: enough to tell that two looked for the same


class AlreadyListed(Conflict):
    code, title = "already_listed", "This is on the list already"


class ExpiryRequired(Invalid):
    code, title = "expiry_required", "Say until when, in the future"


class BadListFile(Invalid):
    """Data `lines`: (line, what is wrong), 0 for the file as a whole."""

    code, title = "bad_list_file", "This file cannot be imported"


@dataclass(frozen=True)
class NewEntry:
    """What is to be listed; `value` in clear, for as long as it takes to index it."""

    kind: str
    subject: str
    value: str
    source: str
    reason: str
    expires_at: datetime | None


@dataclass(frozen=True)
class Found:
    """One entry that names the value looked up, live or not."""

    id: int
    kind: str
    source: str
    reason: str
    added_at: datetime
    expires_at: datetime | None
    removed_at: datetime | None
    is_live: bool


def subject_index(subject: str, value: str) -> str:
    """The blind index under which `value` is listed, equal to the one its owner's row carries."""
    match subject:
        case ListSubject.PHONE:
            value = identity.phone(value)
        case ListSubject.ID_NUMBER:
            value = identity.id_number(value)
        case ListSubject.CARD:
            value = identity.card_number(value)
        case ListSubject.DEVICE:
            value = value.strip()
            if not value:
                raise Invalid(fields={"value": "Not a device."})
        case _:
            raise Invalid(fields={"subject": "Not one of the choices."})
    return blind_index(value, subject)


def add(
    *,
    kind: str,
    subject: str,
    value: str,
    reason: str,
    by: str,
    at: datetime,
    source: str = ListSource.MANUAL,
    expires_at: datetime | None = None,
) -> int:
    """Raises Invalid (kind, subject, value, source), ExpiryRequired, AlreadyListed; for staff also NotAllowed,
    ReasonRequired. Staff must say until when."""
    new = NewEntry(kind, subject, value, source, reason, expires_at)
    _check(new, by, at)
    index = subject_index(subject, value)
    _end_expired([index], at)
    entry, created = ListEntry.objects.get_or_create(
        kind=kind,
        subject=subject,
        subject_index=index,
        removed_at=None,
        defaults={
            "source": source,
            "reason": reason.strip(),
            "added_by": by,
            "added_at": at,
            "expires_at": expires_at,
        },
    )
    if not created:
        raise AlreadyListed(entry_id=entry.pk)
    _keep("put_on_list", entry.pk, reason, by, at)
    return entry.pk


def import_file(*, content: bytes, by: str, at: datetime) -> int:
    """Every line of a CSV file as an entry, or none; how many. Columns: users.rules.listfile.

    Raises BadListFile with every fault and its line; NotAllowed.
    """
    acts.require(by=by, permission=MAY_LIST)
    try:
        lines = listfile.read(content)
    except csvfile.BadFile as error:
        raise BadListFile(str(error), lines=error.faults) from None
    entries = [
        NewEntry(line.kind, line.subject, line.value, line.source, line.reason, clock.end_of(line.until))
        for line in lines
    ]
    indexed: list[tuple[str, NewEntry]] = []
    faults: list[tuple[int, str]] = []
    for line, new in zip(lines, entries, strict=True):
        try:
            _check(new, by, at)
            indexed.append((subject_index(new.subject, new.value), new))
        except Invalid as error:
            faults.append((line.number, _told(error)))
    if not faults:
        _end_expired([index for index, _ in indexed], at)
        faults = [(lines[place].number, AlreadyListed.title + ".") for place in sorted(_taken(indexed))]
    if faults:
        raise BadListFile(f"{len(faults)} lines cannot be taken; nothing was.", lines=faults)
    return _add_all(indexed, by, at)


def _add_all(indexed: Sequence[tuple[str, NewEntry]], by: str, at: datetime) -> int:
    rows = ListEntry.objects.bulk_create(
        ListEntry(
            kind=new.kind,
            subject=new.subject,
            subject_index=index,
            source=new.source,
            reason=new.reason.strip(),
            added_by=by,
            added_at=at,
            expires_at=new.expires_at,
        )
        for index, new in indexed
    )
    acts.record_many(by=by, act="put_on_list", reasons={f"listentry:{row.pk}": row.reason for row in rows}, at=at)
    return len(rows)


def _taken(indexed: Sequence[tuple[str, NewEntry]]) -> set[int]:
    """Places (from 0) of those that are on their list already, or stand twice among the given."""
    live = ListEntry.objects.filter(subject_index__in=[index for index, _ in indexed], removed_at=None)
    known = set(live.values_list("kind", "subject", "subject_index"))
    taken = set()
    for place, (index, new) in enumerate(indexed):
        key = (new.kind, new.subject, index)
        if key in known:
            taken.add(place)
        known.add(key)
    return taken


def _told(error: Invalid) -> str:
    """What is wrong, without repeating the value."""
    return " ".join(f"{name}: {fault}" for name, fault in error.fields.items()) or error.title


def remove(*, entry_id: int, reason: str, by: str, at: datetime) -> None:
    """Raises NotFound where there is no such live entry; for staff also NotAllowed, ReasonRequired."""
    entry = ListEntry.objects.select_for_update().filter(pk=entry_id, removed_at=None).first()
    if entry is None:
        raise NotFound("There is no such entry.")
    entry.removed_by, entry.removed_at = by, at
    entry.save(update_fields=["removed_by", "removed_at"])
    _keep("take_off_list", entry_id, reason, by, at)


def look_up(*, subject: str, value: str, reason: str, by: str, at: datetime) -> tuple[Found, ...]:
    """Every entry that ever named the whole value, the latest first; that somebody looked, and why, is kept first.

    Raises Invalid (subject, value), ReasonRequired.
    """
    index = subject_index(subject, value)
    access.record(by=by, subject=f"list:{subject}:{index[:LOOKED_UP]}", fields=["on lists"], reason=reason, at=at)
    rows = ListEntry.objects.filter(subject=subject, subject_index=index).order_by("-added_at", "-pk")
    return tuple(
        Found(
            id=row.pk,
            kind=row.kind,
            source=row.source,
            reason=row.reason,
            added_at=row.added_at,
            expires_at=row.expires_at,
            removed_at=row.removed_at,
            is_live=row.removed_at is None and (row.expires_at is None or row.expires_at > at),
        )
        for row in rows
    )


def _check(new: NewEntry, by: str, at: datetime) -> None:
    if new.kind not in ListKind.values:
        raise Invalid(fields={"kind": "Not one of the choices."})
    if new.source not in ListSource.values:
        raise Invalid(fields={"source": "Not one of the choices."})
    if (new.expires_at is None and by.startswith("staff:")) or (new.expires_at and new.expires_at <= at):
        raise ExpiryRequired(fields={"expires_at": "A day to come."})
    text.check_lines({"reason": new.reason})
    if by.startswith("staff:"):
        acts.checked(new.reason)


def _end_expired(indexes: Sequence[str], at: datetime) -> None:
    """What has run out makes room for a new entry; the old row stays, as taken off by its own expiry."""
    for entry in ListEntry.objects.select_for_update().filter(
        subject_index__in=indexes, removed_at=None, expires_at__lte=at
    ):
        entry.removed_by, entry.removed_at = "system", entry.expires_at
        entry.save(update_fields=["removed_by", "removed_at"])


def _keep(act: str, entry_id: int, reason: str, by: str, at: datetime) -> None:
    acts.record(by=by, act=act, subject=f"listentry:{entry_id}", reason=reason, at=at, permission=MAY_LIST)
