"""What was counted in the data of borrowers' phones, and what may be asked of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from users.models import CollectedFeatures, CollectedKind, CollectionRule, Device
from users.queries.consents import document, live_consent

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


def collection(user_id: int, at: datetime) -> dict[str, Collection]:
    """By kind, each of CollectedKind. What is too old, or stands on a consent that is not live, is not in it."""
    rules = {row.kind: row for row in CollectionRule.objects.filter(market=settings.MARKET)}
    kept = {row.kind: row for row in CollectedFeatures.objects.filter(user_id=user_id)}
    return {kind: _collection(user_id, kind, rules.get(kind), kept.get(kind), at) for kind in CollectedKind.values}


def _collection(
    user_id: int, kind: str, rule: CollectionRule | None, kept: CollectedFeatures | None, at: datetime
) -> Collection:
    text, consent = document(kind, at), live_consent(user_id, kind, COLLECTOR, at)
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
