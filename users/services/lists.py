"""Black, grey and white lists, kept as blind indexes."""

from datetime import datetime

from lending.common.crypto import blind_index
from lending.common.errors import Conflict, Invalid, NotFound
from users.models import ListEntry, ListKind, ListSubject
from users.rules import identity
from users.services import acts

MAY_LIST = "users.add_listentry"


class AlreadyListed(Conflict):
    code, title = "already_listed", "This is on the list already"


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
        case _:
            raise Invalid(fields={"subject": "Not one of the choices."})
    return blind_index(value, subject)


def add(
    *, kind: str, subject: str, value: str, reason: str, by: str, at: datetime, expires_at: datetime | None = None
) -> int:
    """Raises Invalid (kind, subject, value), AlreadyListed; for staff also NotAllowed, ReasonRequired."""
    if kind not in ListKind.values:
        raise Invalid(fields={"kind": "Not one of the choices."})
    entry, created = ListEntry.objects.get_or_create(
        kind=kind,
        subject=subject,
        subject_index=subject_index(subject, value),
        removed_at=None,
        defaults={"reason": reason, "added_by": by, "added_at": at, "expires_at": expires_at},
    )
    if not created:
        raise AlreadyListed(entry_id=entry.pk)
    _keep("put_on_list", entry.pk, reason, by, at)
    return entry.pk


def remove(*, entry_id: int, reason: str, by: str, at: datetime) -> None:
    """Raises NotFound where there is no such live entry; for staff also NotAllowed, ReasonRequired."""
    entry = ListEntry.objects.select_for_update().filter(pk=entry_id, removed_at=None).first()
    if entry is None:
        raise NotFound("There is no such entry.")
    entry.removed_by, entry.removed_at = by, at
    entry.save(update_fields=["removed_by", "removed_at"])
    _keep("take_off_list", entry_id, reason, by, at)


def _keep(act: str, entry_id: int, reason: str, by: str, at: datetime) -> None:
    acts.record(by=by, act=act, subject=f"listentry:{entry_id}", reason=reason, at=at, permission=MAY_LIST)
