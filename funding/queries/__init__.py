"""Reads of funding for other apps and for doors: candidates, headroom, and what became of an allocation or payment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Min, Q, QuerySet, Sum

from funding.models import (
    Allocation,
    Claim,
    Collection,
    HeadroomBorrower,
    HeadroomDay,
    HeadroomGuarantor,
    HeadroomMonth,
    HeadroomTotal,
    Payout,
    Programme,
    Routing,
)
from funding.models.allocation import LIVE, AllocationState
from funding.models.payment import CollectionState, PayoutState
from funding.queries import openings
from funding.rules import eligibility, hours
from lending import queries as lending
from lending.common import clock
from lending.common.errors import NotFound
from lending.common.held import Held, Rows, all_rows
from lending.models import Party
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
class RoutingView:
    """One look over every programme; `programme_code`: "" where none took it."""

    id: int
    programme_code: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Share:
    """A borrower's data given to one funder or the guarantor beside it, or kept for it; `sent`: it left us."""

    recipient: str
    state: str
    sent: bool
    created_at: datetime
    decided_at: datetime | None
    consent_id: int


@dataclass(frozen=True, slots=True)
class PayoutView:
    id: int
    drawdown_id: int
    card_id: int
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
class ClaimView:
    """What `guarantor_code` paid `creditor` for a loan, `dpd` days past due."""

    loan_id: int
    guarantor_code: str
    creditor: str
    dpd: int
    amount_cents: int
    business_date: date


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
    rows = list(Programme.objects.select_related("funder", "guarantor"))
    return eligibility.examine_all([_terms(row) for row in rows], ask, _standings(rows, ask, user_id, at))


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
        guarantor_cap_cents=row.guarantor.cap_cents if row.guarantor else 0,
        priority=row.priority,
        tags_except=tuple(row.tags_except),
        levels_only=tuple(row.levels_only),
        channel_share_max=row.funder.channel_share_max,
        channels_exempt=tuple(row.funder.channels_exempt),
        province_share_max=row.funder.province_share_max,
        shares_from_cents=row.funder.shares_from_cents,
    )


def _standings(
    rows: Sequence[Programme], ask: eligibility.Ask, user_id: int | None, at: datetime
) -> dict[str, eligibility.Standing]:
    """What each programme has in use, one statement per kind of cap."""
    days = {row.code: openings.pay_day(row, at)[1] for row in rows}
    today = {(row.programme_id, row.business_date): row for row in HeadroomDay.objects.filter(_on(days))}
    months = {
        (row.programme_id, row.month): row
        for row in HeadroomMonth.objects.filter(month__in={day.replace(day=1) for day in days.values()})
    }
    totals = {row.programme_id: row.used_cents for row in HeadroomTotal.objects.all()}
    theirs = HeadroomBorrower.objects.filter(user_id=user_id) if user_id else ()
    borrower = {row.programme_id: row.used_cents for row in theirs}
    guaranteed = {row.guarantor_id: row.used_cents for row in HeadroomGuarantor.objects.all()}
    month_of_funder: dict[tuple[str, date], int] = {}
    for row in rows:
        month = days[row.code].replace(day=1)
        used = months[row.code, month].used_cents if (row.code, month) in months else 0
        key = (row.funder_id, month)
        month_of_funder[key] = month_of_funder.get(key, 0) + used
    found = {}
    for row in rows:
        day, month = days[row.code], days[row.code].replace(day=1)
        of_day, of_month = today.get((row.code, day)), months.get((row.code, month))
        funder_month = month_of_funder[row.funder_id, month]
        by_channel, by_province = _shares(row, month, funder_month, ask)
        found[row.code] = eligibility.Standing(
            cap_today_cents=row.cap_day_cents or 0,
            free_today_cents=(row.cap_day_cents or 0) - (of_day.used_cents if of_day else 0),
            cap_month_cents=row.cap_month_cents,
            free_month_cents=row.cap_month_cents - (of_month.used_cents if of_month else 0),
            outstanding_cents=totals.get(row.code, 0),
            borrower_outstanding_cents=borrower.get(row.code, 0),
            guaranteed_cents=guaranteed.get(row.guarantor_id or "", 0),
            funder_month_cents=funder_month,
            channel_month_cents=by_channel,
            province_month_cents=by_province,
            timing=_timing(row, at),
        )
    return found


def _on(days: Mapping[str, date]) -> Q:
    wanted = Q(pk__in=())
    for code, day in days.items():
        wanted |= Q(programme_id=code, business_date=day)
    return wanted


def _shares(row: Programme, month: date, funder_month_cents: int, ask: eligibility.Ask) -> tuple[int, int]:
    """Of the funder's month, what the channel and the province of `ask` have; not counted where no rule asks."""
    funder = row.funder
    bounded = funder.channel_share_max is not None or funder.province_share_max is not None
    if not bounded or funder_month_cents + ask.amount_cents <= funder.shares_from_cents:
        return 0, 0
    live = Allocation.objects.filter(
        programme__funder=funder,
        state__in=LIVE,
        reservation__business_date__gte=month,
        reservation__business_date__lt=eligibility.add_months(month, 1),
    )
    sums = live.aggregate(
        channel=Sum("amount_cents", filter=Q(drawdown__grant__application__channel_code=ask.channel_code)),
        province=Sum("amount_cents", filter=Q(user__profile__province=ask.province)),
    )
    return sums["channel"] or 0, sums["province"] or 0


def shares_hold(row: Programme, ask: eligibility.Ask, day: date) -> bool:
    """Whether channel and province are within their shares of the funder's month with this drawdown, which is reserved
    already. The caller holds the funder, so that nobody else's reservation is on its way."""
    month = day.replace(day=1)
    used = HeadroomMonth.objects.filter(programme__funder=row.funder, month=month)
    cents = used.aggregate(cents=Sum(F("reserved_cents") + F("committed_cents")))["cents"] or 0
    funder_month = cents - ask.amount_cents
    by_channel, by_province = _shares(row, month, funder_month, ask)
    standing = eligibility.Standing(
        funder_month_cents=funder_month, channel_month_cents=by_channel, province_month_cents=by_province
    )
    return all(result.passed for result in eligibility.shares(_terms(row), ask, standing))


def _timing(row: Programme, at: datetime) -> tuple[eligibility.RuleResult, ...]:
    """Hours, calendar and cut-off: whether the funder pays out now, and the day of its money that is looked at."""
    funder, local = row.funder, clock.local(at)
    opening, day = openings.pay_day(row, at)
    is_open = hours.next_opening(local=local, opens=funder.opens, closes=funder.closes) == local
    works = not funder.workdays_only or lending.is_workday(local.date())
    in_time = funder.cut_off is None or local.time() < funder.cut_off
    span = f"{hours.words(funder.opens)}-{hours.words(funder.closes)}"
    return (
        eligibility.RuleResult("hours", is_open, f"{local:%H:%M}", span, blocks=False),
        eligibility.RuleResult(
            "calendar", works, f"{local:%Y-%m-%d}", "workdays" if funder.workdays_only else "all days", blocks=False
        ),
        eligibility.RuleResult(
            "cut_off", in_time, f"{local:%H:%M}", f"{hours.words(funder.cut_off)} of {day:%Y-%m-%d}", blocks=False
        ),
        eligibility.RuleResult("pays_from", opening <= local, f"{opening:%Y-%m-%d %H:%M}", "now", blocks=False),
    )


def headroom(at: datetime) -> tuple[Headroom, ...]:
    """Every switched-on programme, in routing order, on its funder's present business day."""
    local = clock.local(at)
    programmes = list(Programme.objects.filter(enabled=True).select_related("funder"))
    days = {row.pk: hours.business_date(local=local, cut_off=row.funder.cut_off) for row in programmes}
    rows = HeadroomDay.objects.filter(programme__in=programmes, business_date__in=set(days.values()))
    used = {(row.programme_id, row.business_date): row for row in rows}
    return tuple(_headroom(row, days[row.pk], used.get((row.pk, days[row.pk]))) for row in programmes)


def _headroom(row: Programme, day: date, used: HeadroomDay | None) -> Headroom:
    cap = row.cap_day_cents or 0
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


def routings_of(drawdown_id: int) -> tuple[RoutingView, ...]:
    """Oldest first."""
    rows = Routing.objects.filter(drawdown_id=drawdown_id).order_by("id").defer("explanation")
    return tuple(RoutingView(id=row.pk, programme_code=row.programme_id or "", at=row.at) for row in rows)


def shares_of(user_id: int) -> tuple[Share, ...]:
    """Every funder and guarantor this borrower's data was given to, or was to be; newest first."""
    rows = Allocation.objects.filter(user_id=user_id).select_related("reservation").order_by("-pk")
    return tuple(
        Share(
            recipient=recipient,
            state=row.state,
            # a claim is committed before anything leaves, and one that the consent's trigger refuses is not
            sent=row.attempts > 0 or row.state not in (AllocationState.RESERVED, AllocationState.RELEASED),
            created_at=row.created_at,
            decided_at=row.decided_at,
            consent_id=row.consent_id,
        )
        for row in rows
        for recipient in (row.recipient, row.reservation.guarantor_id)
        if recipient
    )


def payouts_of(*drawdown_ids: int) -> tuple[PayoutView, ...]:
    """Oldest first."""
    return tuple(
        PayoutView(
            id=row.pk,
            drawdown_id=row.drawdown_id,
            card_id=row.card_id,
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


def claim_of(loan_id: int) -> ClaimView | None:
    """None where no guarantor has paid."""
    row = Claim.objects.filter(loan_id=loan_id).first()
    if row is None:
        return None
    return ClaimView(row.loan_id, row.guarantor_id, row.creditor, row.dpd, row.amount_cents, row.business_date)


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
    Held(Claim, "loan__user_id"),
    Held(Collection, "loan__user_id", without=("answer", "last_error", "request_key")),
)
LEFT_OUT = {
    "funding.Routing": "How lenders are chosen; who was asked and what they said is in the file",
    "funding.Reservation": "The lender's money that was kept ready; the drawdown says the same about you",
    "funding.FunderLine": "How your lender shares what you paid; your repayments say the same about you",
    "funding.FunderStatement": "Sums of a month over many borrowers",
    "funding.HeadroomBorrower": "How much one lender may have with you; your drawdowns and loans say the same",
}


def held(user_id: int) -> Rows:
    """What this app holds about a borrower, as it is handed over to them."""
    return all_rows(HELD, user_id)
