"""What the back office shows of one borrower, beyond who they are: devices, checks, what these cost."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from users.models import Check, Device


@dataclass(frozen=True, slots=True)
class SeenDevice:
    id: int
    platform: str
    model: str
    is_emulator: bool
    is_rooted: bool
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class PaidCheck:
    """`source`: who answered, "" before; `price_cents`: all that was spent."""

    id: int
    kind: str
    state: str
    source: str
    price_cents: int
    failure: str
    created_at: datetime
    checked_at: datetime | None


def devices_seen(user_id: int, *, at_most: int = 50) -> tuple[SeenDevice, ...]:
    """Latest seen first."""
    rows = Device.objects.filter(user_id=user_id).order_by("-last_seen_at")[:at_most]
    return tuple(
        SeenDevice(
            row.pk,
            row.platform,
            row.model,
            row.is_emulator,
            row.is_rooted,
            row.first_seen_at,
            row.last_seen_at,
        )
        for row in rows
    )


def checks_paid(user_id: int, *, at_most: int = 50) -> tuple[PaidCheck, ...]:
    """Newest first."""
    rows = Check.objects.filter(user_id=user_id).select_related("source").defer("reply").order_by("-pk")[:at_most]
    return tuple(
        PaidCheck(
            id=row.pk,
            kind=row.kind,
            state=str(row.state),
            source=row.source.code if row.source else "",
            price_cents=row.price_cents,
            failure=row.failure,
            created_at=row.created_at,
            checked_at=row.checked_at,
        )
        for row in rows
    )


def checks_cents(user_id: int) -> int:
    """What all checks of the borrower cost."""
    return Check.objects.filter(user_id=user_id).aggregate(cents=Sum("price_cents"))["cents"] or 0
