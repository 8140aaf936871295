"""What was counted in the data of borrowers' phones, and what may be asked of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max

from users.models import CollectedFeatures, CollectedKind, CollectionRule, Device
from users.queries.consents import ConsentView, collection_rules, document, live_consents

COLLECTOR = "platform"  # the recipient that the consents name


@dataclass(frozen=True)
class Collection:
    """One kind. `is_allowed`: the market lets it be collected; `version`: of the text in force; `is_consented`: this
    very text is accepted and not withdrawn. `features`: what was counted last and may be used, by name."""

    kind: str
    is_allowed: bool
    version: str
    is_consented: bool
    received_at: datetime | None
    features: Mapping[str, Any]


def collection(user_id: int, at: datetime, *, consented: Sequence[ConsentView] | None = None) -> dict[str, Collection]:
    """By kind, each of CollectedKind. What is too old, or stands on a consent that is not live, is not in it.
    `consented`: the live ones, where they have been read already."""
    rules = {row.kind: row for row in collection_rules()}
    consents: dict[str, ConsentView] = {}
    for each in live_consents(user_id, at) if consented is None else consented:
        if COLLECTOR in each.recipients:
            consents.setdefault(each.code, each)
    asked = consents.keys() & rules.keys()
    kept = {row.kind: row for row in CollectedFeatures.objects.filter(user_id=user_id)} if asked else {}
    return {
        kind: _collection(user_id, kind, rules.get(kind), kept.get(kind), consents.get(kind), at)
        for kind in CollectedKind.values
    }


def known_device(user_id: int, at: datetime) -> str:
    """The fingerprint of the device seen last with the account; "" where none was lately, or the market forbids it.
    Whether it may be sent to anybody is for the consent that the recipient needs.
    """
    device = Device.objects.filter(user_id=user_id).order_by("-last_seen_at").first()
    if device is None:
        return ""
    rule = next((row for row in collection_rules() if row.kind == CollectedKind.DEVICE and row.is_allowed), None)
    is_recent = rule is not None and device.last_seen_at > at - timedelta(days=rule.fresh_days)
    return str(device.fingerprint) if is_recent else ""


def _collection(
    user_id: int,
    kind: str,
    rule: CollectionRule | None,
    kept: CollectedFeatures | None,
    consent: ConsentView | None,
    at: datetime,
) -> Collection:
    text = document(kind, at)
    version = text.version if text else ""
    is_allowed = rule is not None and rule.is_allowed
    received_at: datetime | None = None
    features: Mapping[str, Any] = {}
    if rule and is_allowed and consent:
        since = at - timedelta(days=rule.fresh_days)
        if kind == CollectedKind.DEVICE:
            received_at, features = _devices(user_id, since)
        elif kept and kept.received_at > since:
            received_at, features = kept.received_at, kept.features
    return Collection(
        kind=kind,
        is_allowed=is_allowed,
        version=version,
        is_consented=consent is not None and consent.version == version,
        received_at=received_at,
        features=features,
    )


@dataclass(frozen=True)
class CollectedUse:
    """What was taken from the borrower's own phone, for the borrower. `kind`: of CollectedKind; `times`: devices."""

    kind: str
    at: datetime
    times: int
    consent_id: int


def collected_used(user_id: int) -> tuple[CollectedUse, ...]:
    """What is kept of it now: counts by kind, and the devices by the consent that each was last seen under."""
    rows = CollectedFeatures.objects.filter(user_id=user_id).defer("features")
    counted = [CollectedUse(row.kind, row.received_at, 1, row.consent_id) for row in rows]
    devices = Device.objects.filter(user_id=user_id).values("consent_id").order_by("consent_id")
    seen = devices.annotate(at=Max("last_seen_at"), times=Count("pk"))
    return (
        *counted,
        *(CollectedUse(str(CollectedKind.DEVICE), row["at"], row["times"], row["consent_id"]) for row in seen),
    )


def _devices(user_id: int, since: datetime) -> tuple[datetime | None, dict[str, Any]]:
    """Of the devices seen since then; nothing where none was."""
    rows = list(Device.objects.filter(user_id=user_id, last_seen_at__gt=since).order_by("-last_seen_at"))
    if not rows:
        return None, {}
    features = {
        "devices": len(rows),
        "emulator": any(row.is_emulator for row in rows),
        "rooted": any(row.is_rooted for row in rows),
    }
    return rows[0].last_seen_at, features
