"""What a borrower's loans say about them, pushed down to the loyalty levels by every payment and by day close."""

from datetime import datetime, timedelta

from django.db.models import Max, Q

from lending.common import clock
from lending.models import Instalment, Loan, LoanStatus
from users import queries as users
from users.rules.levels import LoanHistory
from users.services import levels

MONTH = timedelta(days=30)


def recompute(*, user_id: int, at: datetime) -> str:
    """The borrower's level as the loans now stand; its code."""
    levels.hold(user_id=user_id)
    windows = users.level_windows()
    return levels.recompute(
        user_id=user_id, history=_history(user_id, windows, at), at=at, review_at=_review_at(user_id, windows, at)
    )


def _history(user_id: int, windows: tuple[int, ...], at: datetime) -> LoanHistory:
    own = Loan.objects.filter(user_id=user_id)
    paid = Instalment.objects.filter(loan__user_id=user_id, paid_at__isnull=False)
    paid = paid.exclude(loan__status=LoanStatus.CANCELLED)

    def worst(months: int) -> int:
        recent = own.filter(Q(closed_at=None) | Q(closed_at__gte=at - months * MONTH))
        return recent.aggregate(worst=Max("max_dpd"))["worst"] or 0

    return LoanHistory(
        on_time_instalments=sum(
            1 for due, when in paid.values_list("due_date", "paid_at") if when and clock.business_date(when) <= due
        ),
        settled_loans=own.filter(status=LoanStatus.SETTLED).count(),
        worst_dpd={months: worst(months) for months in windows},
    )


def _review_at(user_id: int, windows: tuple[int, ...], at: datetime) -> datetime | None:
    """When the next late loan leaves a window, so that mere time lets the level rise."""
    late = Loan.objects.filter(user_id=user_id, max_dpd__gt=0, closed_at__isnull=False)
    closed = [when for when in late.values_list("closed_at", flat=True) if when]
    ends = [end + months * MONTH for end in closed for months in windows]
    return min((end for end in ends if end >= at), default=None)
