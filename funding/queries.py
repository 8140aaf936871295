"""Reads of funding for other apps and for doors: candidates, headroom, and what became of an allocation or payment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Min, Q, QuerySet, Sum

from funding.models import Allocation, Collection, HeadroomDay, HeadroomMonth, Payout, Programme
from funding.models.allocation import ASKING, AllocationState
from funding.models.payment import CollectionState, PayoutState
from funding.rules import eligibility, hours
from lending import queries as lending
from lending.common import clock
from lending.common.errors import NotFound
from lending.common.held import Held, Rows, all_rows
from lending.models import Instalment, Party
from lending.models.loan import OWING
from users import queries as users


@dataclass(frozen=True, slots=True)
class Candidate:
    """A funder that may be named in the borrower's consent. mode: direct | own."""

    funder_code: str
    programme_code: str
    mode: str
    guarantor_code: str
    legal_name: str
    legal_name_zh: str


@dataclass(frozen=True, slots=True)
class Headroom:
    """A programme's money on its funder's present business day, in cents."""

    funder_code: str
    programme_code: str
    business_date: date
    cap_day_cents: int
    reserved_cents: int
    committed_cents: int
    free_cents: int


@dataclass(frozen=True, slots=True)
class AllocationView:
    id: int
    drawdown_id: int
    funder_code: str
    programme_code: str
    state: str
    amount_cents: int
    refusal: str
    release_cause: str
    created_at: datetime
    decided_at: datetime | None
    explanation: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Share:
    """A borrower's data given to one funder, or kept for it; `sent`: it left us."""

    funder_code: str
    state: str
    sent: bool
    created_at: datetime
    decided_at: datetime | None
    consent_id: int


@dataclass(frozen=True, slots=True)
class PayoutView:
    id: int
    drawdown_id: int
    key: str
    state: str
    amount_cents: int
    fault: str
    code: str
    created_at: datetime
    paid_at: datetime | None
    returned_at: datetime | None


@dataclass(frozen=True, slots=True)
class CollectionView:
    """state: DUE | SENT | UNKNOWN (under way), COLLECTED, FAILED with a code of the payment channel."""

    id: int
    public_id: UUID
    loan_id: int
    state: str
    amount_cents: int
    collected_cents: int
    code: str
    created_at: datetime
    collected_at: datetime | None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """`label`: the table of the orders."""

    label: str
    count: int
    oldest_at: datetime | None


# --- who may fund -------------------------------------------------------------------------------------------------


def candidates(
    *,
    product_code: str,
    channel_code: str,
    grade: str,
    amount_cents: int,
    months: int,
    province: str,
    birth_date: date | None,
    at: datetime,
    user_id: int | None = None,
) -> tuple[Candidate, ...]:
    """The funders to name in the consent, in the order they will be asked; at most three, none without a programme.

    Today's headroom is left out on purpose: it may be back by the time the funder is asked. With `user_id` the cap
    per borrower is looked at too, and which tags and level they have.
    """
    ask = eligibility.Ask(
        product_code=product_code,
        channel_code=channel_code,
        grade=grade,
        amount_cents=amount_cents,
        months=months,
        province=province,
        birth_date=birth_date,
        as_of=clock.business_date(at),
        **known_of(user_id, at),
    )
    named = eligibility.candidates(examine(ask, user_id=user_id, at=at))
    parties = {party.code: party for party in Party.objects.filter(code__in=[p.funder_code for p in named])}
    return tuple(
        Candidate(
            funder_code=p.funder_code,
            programme_code=p.code,
            mode=p.mode,
            guarantor_code=p.guarantor_code,
            legal_name=parties[p.funder_code].legal_name,
            legal_name_zh=parties[p.funder_code].legal_name_zh,
        )
        for p in named
    )


def known_of(user_id: int | None, at: datetime) -> dict[str, Any]:
    """What programmes may ask of a borrower, as fields of an Ask: level and live tags."""
    return {"level": users.level(user_id).code, "tags": users.live_tags(user_id, at)} if user_id else {}


def examine(ask: eligibility.Ask, *, user_id: int | None, at: datetime) -> tuple[eligibility.Verdict, ...]:
    """Every programme in routing order, each with all its rules and the headroom of the day it would pay on."""
    rows = list(Programme.objects.select_related("funder"))
    standings = {row.code: _standing(row, ask.amount_cents, user_id, at) for row in rows}
    return eligibility.examine_all([_terms(row) for row in rows], ask, standings)


def _terms(row: Programme) -> eligibility.Programme:
    return eligibility.Programme(
        code=row.code,
        funder_code=row.funder_id,
        mode=row.mode,
        enabled=row.enabled,
        products=tuple(row.products),
        channels_only=tuple(row.channels_only),
        channels_except=tuple(row.channels_except),
        grades=tuple(row.grades),
        amount_min_cents=row.amount_min_cents,
        amount_max_cents=row.amount_max_cents,
        months=tuple(row.months),
        region_only=row.region_only,
        maturity_age_max=row.maturity_age_max,
        per_borrower_cents=row.per_borrower_cents,
        cap_outstanding_cents=row.cap_outstanding_cents,
        guarantor_code=row.guarantor_id or "",
        priority=row.priority,
        tags_except=tuple(row.tags_except),
        levels_only=tuple(row.levels_only),
    )


def _standing(row: Programme, amount_cents: int, user_id: int | None, at: datetime) -> eligibility.Standing:
    if not row.enabled:
        return eligibility.Standing()
    _, day = pay_day(row, at)
    today = HeadroomDay.objects.filter(programme=row, business_date=day).first()
    month = HeadroomMonth.objects.filter(programme=row, month=day.replace(day=1)).first()
    return eligibility.Standing(
        free_today_cents=today.free_cents if today else row.cap_day_cents or 0,
        free_month_cents=month.free_cents if month else row.cap_month_cents,
        outstanding_cents=_outstanding(row, amount_cents),
        borrower_outstanding_cents=_in_use(row, Q(user_id=user_id)) if user_id else 0,
    )


def _outstanding(row: Programme, amount_cents: int) -> int:
    """Owed and pending under the programme. What ever went out is a cheap upper bound; counted only near the cap."""
    months = HeadroomMonth.objects.filter(programme=row)
    ever = months.aggregate(total=Sum(F("committed_cents") + F("reserved_cents")))["total"] or 0
    return ever if ever + amount_cents <= row.cap_outstanding_cents else _in_use(row, Q())


def _in_use(row: Programme, whose: Q) -> int:
    mine = Allocation.objects.filter(whose, programme=row)
    pending = mine.filter(state__in=[*ASKING, AllocationState.ACCEPTED]).aggregate(total=Sum("amount_cents"))
    owed = Instalment.objects.filter(
        loan__status__in=OWING,
        loan__drawdown_id__in=mine.filter(state=AllocationState.COMMITTED).values("drawdown_id"),
    ).aggregate(total=Sum(F("principal_cents") - F("paid_principal_cents")))
    return (pending["total"] or 0) + (owed["total"] or 0)


def pay_day(programme: Programme, at: datetime) -> tuple[datetime, date]:
    """When the programme's funder can pay out next, at or after `at`, and on which of its business days."""
    funder = programme.funder
    local = hours.next_opening(local=clock.local(at), opens=funder.opens, closes=funder.closes)
    while funder.workdays_only and not lending.is_workday(local.date()):
        local = hours.next_day(local=local, opens=funder.opens)
    return local, hours.business_date(local=local, cut_off=funder.cut_off)


def headroom(at: datetime) -> tuple[Headroom, ...]:
    """Every switched-on programme, in routing order, on its funder's present business day."""
    local = clock.local(at)
    programmes = list(Programme.objects.filter(enabled=True).select_related("funder"))
    days = {row.pk: hours.business_date(local=local, cut_off=row.funder.cut_off) for row in programmes}
    rows = HeadroomDay.objects.filter(programme__in=programmes, business_date__in=set(days.values()))
    used = {(row.programme_id, row.business_date): row for row in rows}
    return tuple(_headroom(row, days[row.pk], used.get((row.pk, days[row.pk]))) for row in programmes)


def _headroom(row: Programme, day: date, used: HeadroomDay | None) -> Headroom:
    cap = used.cap_cents if used else row.cap_day_cents or 0
    reserved, committed = (used.reserved_cents, used.committed_cents) if used else (0, 0)
    return Headroom(row.funder_id, row.code, day, cap, reserved, committed, free_cents=cap - reserved - committed)


# --- what became of it --------------------------------------------------------------------------------------------


def allocations_of(*drawdown_ids: int) -> tuple[AllocationView, ...]:
    """Oldest first."""
    rows = Allocation.objects.filter(drawdown_id__in=drawdown_ids).select_related("routing").order_by("id")
    return tuple(
        AllocationView(
            id=row.pk,
            drawdown_id=row.drawdown_id,
            funder_code=row.recipient,
            programme_code=row.programme_id,
            state=row.state,
            amount_cents=row.amount_cents,
            refusal=row.refusal,
            release_cause=row.release_cause,
            created_at=row.created_at,
            decided_at=row.decided_at,
            explanation=tuple(row.routing.explanation),
        )
        for row in rows
    )


def shares_of(user_id: int) -> tuple[Share, ...]:
    """Every funder this borrower's data was given to, or was to be; newest first."""
    rows = Allocation.objects.filter(user_id=user_id).order_by("-pk")
    return tuple(
        Share(
            funder_code=row.recipient,
            state=row.state,
            # a claim is committed before anything leaves, and one that the consent's trigger refuses is not
            sent=row.attempts > 0 or row.state not in (AllocationState.RESERVED, AllocationState.RELEASED),
            created_at=row.created_at,
            decided_at=row.decided_at,
            consent_id=row.consent_id,
        )
        for row in rows.only("recipient", "state", "attempts", "created_at", "decided_at", "consent_id")
    )


def payouts_of(*drawdown_ids: int) -> tuple[PayoutView, ...]:
    """Oldest first."""
    return tuple(
        PayoutView(
            id=row.pk,
            drawdown_id=row.drawdown_id,
            key=row.key,
            state=row.state,
            amount_cents=row.amount_cents,
            fault=row.fault,
            code=row.code,
            created_at=row.created_at,
            paid_at=row.paid_at,
            returned_at=row.returned_at,
        )
        for row in Payout.objects.filter(drawdown_id__in=drawdown_ids).order_by("id")
    )


def unanswered() -> tuple[Unanswered, ...]:
    """Money orders whose outcome nobody knows: payouts, then direct debits."""
    orders: tuple[tuple[str, QuerySet[Any]], ...] = (
        ("funding.Payout", Payout.objects.filter(state=PayoutState.UNKNOWN)),
        ("funding.Collection", Collection.objects.filter(state=CollectionState.UNKNOWN)),
    )
    found = [(label, rows.order_by().aggregate(n=Count("pk"), oldest=Min("created_at"))) for label, rows in orders]
    return tuple(Unanswered(label, row["n"], row["oldest"]) for label, row in found)


def collection(public_id: UUID) -> CollectionView:
    """Raises NotFound. Whose loan it is for is the caller's to check."""
    row = Collection.objects.filter(public_id=public_id).first()
    if row is None:
        raise NotFound("There is no such collection.")
    return _collection(row)


def collections_of(*loan_ids: int) -> tuple[CollectionView, ...]:
    """Newest first."""
    return tuple(map(_collection, Collection.objects.filter(loan_id__in=loan_ids)))


def _collection(row: Collection) -> CollectionView:
    return CollectionView(
        id=row.pk,
        public_id=row.public_id,
        loan_id=row.loan_id,
        state=row.state,
        amount_cents=row.amount_cents,
        collected_cents=row.collected_cents,
        code=row.code,
        created_at=row.created_at,
        collected_at=row.collected_at,
    )


# --- the copy for the borrower ------------------------------------------------------------------------------------

HELD = (
    Held(Allocation, "user_id", without=("answer", "last_error", "routing", "reservation", "withdraw_due")),
    Held(Payout, "drawdown__user_id", without=("answer", "last_error")),
    Held(Collection, "loan__user_id", without=("answer", "last_error", "request_key")),
)
LEFT_OUT = {
    "funding.Routing": "How lenders are chosen; who was asked and what they said is in the file",
    "funding.Reservation": "The lender's money that was kept ready; the drawdown says the same about you",
}


def held(user_id: int) -> Rows:
    """What this app holds about a borrower, as it is handed over to them."""
    return all_rows(HELD, user_id)
