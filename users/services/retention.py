"""What is kept for a time and no longer: raw replies of checks, and what was counted in data from phones."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from users.models import Check, CollectedFeatures, CollectionRule, Source

AT_ONCE = 500


def run_retention(*, now: datetime) -> int:
    """Delete what is older than its source or its market's row keeps it; what came of it stays. Returns how many."""
    return _replies(now) + _counts(now)


def _replies(now: datetime) -> int:
    """Of checks, as long as the source that answered keeps its answers; what nobody could read, as long as the first
    that was asked."""
    total = 0
    for source in Source.objects.only("code", "retention_days"):
        before = now - timedelta(days=source.retention_days)
        own = Q(source=source) | Q(source=None, kind=source.code)
        old = Check.objects.filter(own, checked_at__lt=before, reply__isnull=False).order_by("checked_at")
        found = AT_ONCE
        while found == AT_ONCE:
            with transaction.atomic(durable=True):
                ids = list(old.values_list("pk", flat=True)[:AT_ONCE])
                found = Check.objects.filter(pk__in=ids).update(reply=None)
            total += found
    return total


def _counts(now: datetime) -> int:
    """Counts that are too old to be read, or that their market lets nobody collect any more."""
    kept = Q(pk__in=())
    for rule in CollectionRule.objects.filter(is_allowed=True):
        since = now - timedelta(days=rule.fresh_days)
        kept |= Q(market=rule.market, kind=rule.kind, received_at__gte=since)
    with transaction.atomic(durable=True):
        return CollectedFeatures.objects.exclude(kept).delete()[0]
