"""The headroom board: every programme now, what it may still give, until when, and what waits for it."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, QuerySet, Sum

from funding.models import (
    Allocation,
    Guarantor,
    HeadroomDay,
    HeadroomGuarantor,
    HeadroomMonth,
    HeadroomTotal,
    Payout,
    Programme,
)
from funding.models.allocation import ASKING
from funding.models.payment import PayoutState
from funding.queries import openings
from lending.models import Drawdown, DrawdownStatus


@dataclass(frozen=True, slots=True)
class Room:
    """In cents."""

    cap_cents: int
    used_cents: int

    @property
    def free_cents(self) -> int:
        return self.cap_cents - self.used_cents

    @property
    def percent(self) -> int:
        """Used, 0 to 100."""
        return min(100, 100 * self.used_cents // self.cap_cents) if self.cap_cents else 0


@dataclass(frozen=True, slots=True)
class Waits:
    count: int = 0
    cents: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """`day`: the funder's own business day of a payout made next; `opens_at`: when that is, now where it `is_open`.

    `asked`: drawdowns whose funder has not answered; `waiting`: those without a funder that name it; `held`: payouts
    that wait for the opening. `guarantor`: the room of its guarantor over all programmes.
    """

    code: str
    funder_code: str
    enabled: bool
    priority: int | None
    day: date
    is_open: bool
    opens_at: datetime
    today: Room
    month: Room
    outstanding: Room
    guarantor_code: str
    guarantor: Room | None
    asked: Waits
    waiting: Waits
    held: Waits


@dataclass(frozen=True, slots=True)
class Board:
    at: datetime
    programmes: tuple[Row, ...]


def board(at: datetime) -> Board:
    """Every programme in routing order, also one that nobody has drawn on, and one that is switched off."""
    rows = list(Programme.objects.select_related("funder").order_by("priority", "code"))
    when = {row.pk: openings.pay_day(row, at) for row in rows}
    days = {
        (row.programme_id, row.business_date): row
        for row in HeadroomDay.objects.filter(business_date__in={day for _, day in when.values()})
    }
    months = {
        (row.programme_id, row.month): row
        for row in HeadroomMonth.objects.filter(month__in={day.replace(day=1) for _, day in when.values()})
    }
    asked = _by_programme(Allocation.objects.filter(state__in=ASKING))
    due = Payout.objects.filter(state=PayoutState.DUE, not_before__gt=at).values_list("allocation_id", flat=True)
    held = _by_programme(Allocation.objects.filter(pk__in=due))
    totals = {str(row.programme_id): row for row in HeadroomTotal.objects.all()}
    balances = {str(row.guarantor_id): row for row in HeadroomGuarantor.objects.all()}
    guaranteed = {str(row.pk): _room(row.cap_cents, balances.get(str(row.pk))) for row in Guarantor.objects.all()}
    waiting = _without_a_funder()

    def shown(row: Programme) -> Row:
        opens_at, day = when[row.pk]
        today, month = days.get((row.pk, day)), months.get((row.pk, day.replace(day=1)))
        return Row(
            code=row.pk,
            funder_code=row.funder_id,
            enabled=row.enabled,
            priority=row.priority,
            day=day,
            is_open=opens_at <= at,
            opens_at=opens_at,
            today=_room(row.cap_day_cents or 0, today),
            month=_room(row.cap_month_cents, month),
            outstanding=_room(row.cap_outstanding_cents, totals.get(row.pk)),
            guarantor_code=row.guarantor_id or "",
            guarantor=guaranteed.get(row.guarantor_id or ""),
            asked=asked.get(row.pk, Waits()),
            waiting=waiting.get(row.funder_id, Waits()) if row.enabled else Waits(),
            held=held.get(row.pk, Waits()),
        )

    return Board(at, tuple(map(shown, rows)))


def _room(cap_cents: int, row: HeadroomDay | HeadroomMonth | HeadroomTotal | HeadroomGuarantor | None) -> Room:
    """Under the cap that holds now; no row: nothing was drawn on yet."""
    return Room(cap_cents, row.used_cents if row else 0)


def _by_programme(rows: QuerySet[Allocation]) -> dict[str, Waits]:
    found = rows.order_by().values_list("programme_id").annotate(n=Count("pk"), cents=Sum("amount_cents"))
    return {code: Waits(n, cents) for code, n, cents in found}


def _without_a_funder() -> dict[str, Waits]:
    """By funder that the borrower named."""
    found: dict[str, Waits] = {}
    rows = Drawdown.objects.filter(status=DrawdownStatus.NO_FUNDER).values_list("candidates", "amount_cents")
    for named, cents in rows:
        for code in named:
            so_far = found.get(code, Waits())
            found[code] = Waits(so_far.count + 1, so_far.cents + cents)
    return found


# --- what waits for the desk --------------------------------------------------------------------------------------


def returned_open() -> QuerySet[Payout]:
    """Payouts that came back and that nobody has followed up."""
    return Payout.objects.filter(state=PayoutState.RETURNED, followed_up_at=None)


def unknown_payouts() -> int:
    return Payout.objects.filter(state=PayoutState.UNKNOWN).count()


def returned_payouts() -> int:
    return returned_open().count()
