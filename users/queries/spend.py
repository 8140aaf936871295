"""What checks and messages cost, by day and source."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, F, Sum
from django.db.models.functions import Coalesce, TruncDate

from users.models import Check, Message, MessageState


@dataclass(frozen=True, slots=True)
class DaySpend:
    """Of one source on one business day. `asked`: questions, or messages that went out."""

    day: date
    source: str
    asked: int
    spent_cents: int


def days_spend(since: datetime, until: datetime) -> tuple[DaySpend, ...]:
    """Checks answered and messages sent in [since, until). A check's whole price stands by who answered it last."""
    zone = ZoneInfo(settings.TIME_ZONE)
    checks = (
        Check.objects.filter(checked_at__gte=since, checked_at__lt=until)
        .order_by()
        .values(day=TruncDate("checked_at", tzinfo=zone), code=Coalesce(F("source__code"), F("kind")))
        .annotate(asked=Count("pk"), cents=Sum("price_cents"))
    )
    sent = (
        Message.objects.filter(state=MessageState.SENT, done_at__gte=since, done_at__lt=until)
        .order_by()
        .values(day=TruncDate("done_at", tzinfo=zone))
        .annotate(asked=Count("pk"), cents=Sum("price_cents"))
    )
    return (
        *(DaySpend(row["day"], row["code"], row["asked"], row["cents"]) for row in checks),
        *(DaySpend(row["day"], "sms", row["asked"], row["cents"]) for row in sent),
    )
