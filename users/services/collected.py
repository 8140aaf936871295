"""Data from the borrower's own phone: counted on arrival, never kept. Each kind under its own, optional consent."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from lending.common.crypto import blind_index
from lending.common.errors import Invalid
from users.models import CollectedFeatures, CollectedKind, CollectorNumber, Contact, User
from users.rules import collected as rules
from users.rules.collected import Features, MessageSeen
from users.services import collecting, devices

PURPOSE = "collector"  # of the blind index


class NothingSent(Invalid):
    code, title = "nothing_sent", "There is nothing in it"


def receive(
    *,
    user_id: int,
    device: Mapping[str, Any] | None = None,
    sms: Sequence[MessageSeen] | None = None,
    contacts: Sequence[str] | None = None,
    ip: str,
    at: datetime,
) -> None:
    """Take what the phone sends; all of it or nothing. `device`: as `devices.see`; `contacts`: a scrambled number for
    each line of the address book. Raises NothingSent, and as
    `collecting.allowed`."""
    parts = {CollectedKind.DEVICE: device, CollectedKind.SMS: sms, CollectedKind.CONTACTS: contacts}
    sent = [kind for kind, part in parts.items() if part is not None]
    if not sent:
        raise NothingSent(f"Send one of {', '.join(parts)}.")
    User.objects.select_for_update().get(pk=user_id)
    consent_ids = {kind: collecting.allowed(user_id=user_id, kind=kind, at=at) for kind in sent}
    if device is not None:
        devices.see(user_id=user_id, ip=ip, at=at, **device)
    if sms is not None:
        known = _collectors({each.sender for each in sms})
        features = rules.of_messages(sms, known, at, ZoneInfo(settings.TIME_ZONE))
        _keep(user_id, CollectedKind.SMS, features, consent_ids[CollectedKind.SMS], at)
    if contacts is not None:
        named = {rules.scrambled(row.phone) for row in Contact.objects.filter(user_id=user_id)}
        features = rules.of_contacts(contacts, named, _collectors(set(contacts)))
        _keep(user_id, CollectedKind.CONTACTS, features, consent_ids[CollectedKind.CONTACTS], at)


def know_collectors(*, numbers: Sequence[str], source: str, at: datetime) -> int:
    """Remember numbers of debt collectors, written as digits, by index alone; how many were new."""
    indexes = {collector_index(rules.scrambled(number)) for number in numbers}
    before = CollectorNumber.objects.filter(number_index__in=indexes).count()
    rows = [CollectorNumber(number_index=index, source=source, added_at=at) for index in sorted(indexes)]
    CollectorNumber.objects.bulk_create(rows, ignore_conflicts=True)
    return len(indexes) - before


def _keep(user_id: int, kind: CollectedKind, features: Features, consent_id: int, at: datetime) -> None:
    facts = {"features": features, "market": settings.MARKET, "consent_id": consent_id, "received_at": at}
    CollectedFeatures.objects.update_or_create(user_id=user_id, kind=kind, defaults=facts)


def _collectors(scrambled: set[str]) -> set[str]:
    """Which of them are known."""
    by_index = {collector_index(each): each for each in scrambled}
    known = CollectorNumber.objects.filter(number_index__in=by_index).values_list("number_index", flat=True)
    return {by_index[index] for index in known}


def collector_index(scrambled: str) -> str:
    """By which a collector's number is known."""
    return blind_index(scrambled, PURPOSE)
