"""Reads of other platforms and what they offer: whom nothing is offered, what is offered to whom."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from lending import queries as lending
from lending.common import clock
from lending.common.errors import NotFound
from lending.rules import offer
from traffic.models import Lead, LeadEnd, Offer, OfferSearch, OfferState
from traffic.models.lead import ASKING, OVER, TAKEN, UNSENT
from traffic.rules import exclusion, ranking
from users import queries as users

OWING = ("OVERDUE", "COMPENSATED", "WRITTEN_OFF")
UNASKED = (LeadEnd.NO_CONSENT, LeadEnd.EXCLUDED)
DRAWDOWN_REFUSAL_STANDS = timedelta(days=180)


def facts(application: lending.ApplicationView, at: datetime) -> exclusion.Facts:
    """What decides whether anything of this borrower may go to a platform, as it stands now."""
    user_id = application.user_id
    person = users.person(user_id)
    owed_cents = lending.history(user_id, at).monthly_instalments_cents + _still_to_draw(application, at)
    return exclusion.Facts(
        reasons=_standing(application, at),
        lists=frozenset(hit.kind for hit in users.list_hits(user_id, at)),
        tags=frozenset(users.live_tags(user_id, at)),
        owes=any(loan.status in OWING or loan.dpd > 0 for loan in lending.loans_of(user_id)),
        appeal_open=lending.appeal_open(user_id),
        income_cents=person.net_income_cents,
        burden_cents=(person.instalments_elsewhere_cents or 0) + owed_cents,
    )


def exclusions(application_id: int, at: datetime) -> tuple[str, ...]:
    """Why nothing of its borrower may go to a platform now; () where it may."""
    return exclusion.exclusions(facts(lending.application(application_id), at))


def _still_to_draw(application: lending.ApplicationView, at: datetime) -> int:
    """A month's instalment of what was granted and may still be drawn: it is to be carried beside any other loan.
    Without what no funder has taken, which another loan would be in place of."""
    terms = application.terms
    if application.status != "GRANTED" or terms is None:
        return 0
    grants = [row for row in lending.grants_of(application.user_id) if row.application_id == application.id]
    free_cents = sum(row.free_cents + row.pending_cents for row in grants if row.status == "ACTIVE")
    free_cents -= waiting_cents(application.id)
    if free_cents <= 0:
        return 0
    cost = lending.priced(
        lending.product(application.product_code).currency,
        amount_cents=free_cents,
        months=terms.months,
        annual_rate=terms.annual_rate,
        method=application.method,
        on=clock.business_date(at),
    )
    return offer.monthly_burden(cost.schedule, application.method)


def waiting_cents(application_id: int) -> int:
    """What was to be drawn and no funder took."""
    rows = lending.drawdowns_of_application(application_id)
    return sum(row.amount_cents for row in rows if row.status == "NO_FUNDER")


def _standing(application: lending.ApplicationView, at: datetime) -> tuple[exclusion.Reason, ...]:
    """Of refusals: this application's, others' until they may apply again, and recent ones of drawdowns."""
    codes: dict[str, None] = {}
    for row in lending.applications_of(application.user_id):
        stands = row.id == application.id or (row.reapply_at is not None and row.reapply_at > at)
        if row.status == "DECLINED" and stands:
            codes |= dict.fromkeys(row.reasons)
    for drawn in lending.drawdowns_of(application.user_id):
        if drawn.status == "DECLINED" and drawn.confirmed_at > at - DRAWDOWN_REFUSAL_STANDS:
            codes |= dict.fromkeys(drawn.reasons)
    return tuple(exclusion.Reason(row.code, row.cls, row.distribute) for row in lending.reasons(list(codes)))


@dataclass(frozen=True, slots=True)
class OfferView:
    """What one platform would lend, to its borrower; rates are fractions.

    `status`: open | asking (the platform is asked) | accepted | paid | refused | returned | closed. `odds`: likely |
    even | unlikely. `link`: where the borrower goes on at the platform. `told_at`: when their data went there.
    """

    id: UUID
    application_id: UUID
    platform: str
    platform_name: str
    platform_name_zh: str
    place: int
    odds: str
    amount_cents: int
    currency: str
    months: int
    instalment_cents: int
    total_cents: int
    annual_rate: Decimal
    irr12: Decimal
    xirr: Decimal
    commission_cents: int
    status: str
    made_at: datetime
    expires_at: datetime
    link: str
    told_at: datetime | None
    chosen_at: datetime | None


LEAD_STATUS = {
    "CHOSEN": "asking",
    "READY": "asking",
    "SENT": "asking",
    "UNKNOWN": "asking",
    "ACCEPTED": "accepted",
    "PAID": "paid",
    "REFUSED": "refused",
    "RETURNED": "returned",
    "ENDED": "refused",
}


def offers_of(user_id: int, at: datetime) -> tuple[OfferView, ...]:
    """What was chosen, the latest first, and then what can be chosen now, in its order."""
    rows = list(_offers().filter(user_id=user_id).exclude(state=OfferState.CLOSED).order_by("-pk"))
    views = [(row.application_id, _view(row, at)) for row in rows]
    waiting = {application_id for application_id, view in views if view.status == "open"}
    free = {application_id for application_id in waiting if _free(application_id, at)}
    chosen = [view for _, view in views if view.status not in ("open", "closed")]
    can_choose = [view for application_id, view in views if view.status == "open" and application_id in free]
    return (*chosen, *sorted(can_choose, key=lambda view: (-view.expires_at.timestamp(), view.place)))


def offer_for(user_id: int, public_id: UUID, at: datetime) -> OfferView:
    """The gate to one of the user's offers. Raises NotFound."""
    row = _offers().filter(user_id=user_id, public_id=public_id).first()
    if row is None:
        raise NotFound("There is no such offer.")
    view = _view(row, at)
    return replace(view, status="closed") if view.status == "open" and not _free(row.application_id, at) else view


def _free(application_id: int, at: datetime) -> bool:
    """Nothing of it is under way at a platform, and nothing excludes its borrower now."""
    under_way = Lead.objects.filter(application_id=application_id).exclude(state__in=OVER)
    return not under_way.exists() and not exclusions(application_id, at)


def _offers() -> QuerySet[Offer]:
    return Offer.objects.select_related("platform__party", "application", "lead")


def _view(row: Offer, at: datetime) -> OfferView:
    lead = getattr(row, "lead", None)
    if lead is not None:
        status = LEAD_STATUS[lead.state]
    else:
        status = "open" if row.state == OfferState.OPEN and row.expires_at > at else "closed"
    party = row.platform.party
    return OfferView(
        id=row.public_id,
        application_id=row.application.public_id,
        platform=str(row.platform_id),
        platform_name=party.legal_name,
        platform_name_zh=party.legal_name_zh,
        place=row.place,
        odds=ranking.odds_word(row.odds),
        amount_cents=row.amount_cents,
        currency=row.currency,
        months=row.months,
        instalment_cents=row.instalment_cents,
        total_cents=row.total_cents,
        annual_rate=row.annual_rate,
        irr12=row.irr12,
        xirr=row.xirr,
        commission_cents=row.commission_cents,
        status=status,
        made_at=row.created_at,
        expires_at=row.expires_at,
        link=lead.link if lead is not None and lead.state in TAKEN else "",
        told_at=lead.sent_at if lead is not None else None,
        chosen_at=lead.created_at if lead is not None else None,
    )


@dataclass(frozen=True, slots=True)
class OfferLine:
    """`lead_id`, `lead_state`: where the borrower chose it."""

    id: int
    platform: str
    place: int
    amount_cents: int
    currency: str
    months: int
    xirr: Decimal
    commission_cents: int
    state: str
    lead_id: int | None
    lead_state: str


@dataclass(frozen=True, slots=True)
class Look:
    """A look for other platforms, and what it found; `excluded`: why nobody was looked for."""

    id: int
    trigger: str
    result: str
    excluded: tuple[str, ...]
    at: datetime
    offers: tuple[OfferLine, ...]


def looks_of(application_id: int) -> tuple[Look, ...]:
    """Oldest first."""
    offers: dict[int, list[OfferLine]] = {}
    rows = Offer.objects.filter(application_id=application_id).select_related("lead").order_by("place")
    for row in rows:
        lead = getattr(row, "lead", None)
        line = OfferLine(
            id=row.pk,
            platform=str(row.platform_id),
            place=row.place,
            amount_cents=row.amount_cents,
            currency=row.currency,
            months=row.months,
            xirr=row.xirr,
            commission_cents=row.commission_cents,
            state=row.state,
            lead_id=lead.pk if lead else None,
            lead_state=lead.state if lead else "",
        )
        offers.setdefault(row.search_id, []).append(line)
    searches = OfferSearch.objects.filter(application_id=application_id).order_by("pk")
    return tuple(
        Look(row.pk, row.get_trigger_display(), row.result, tuple(row.excluded), row.at, tuple(offers.get(row.pk, ())))
        for row in searches
    )


@dataclass(frozen=True, slots=True)
class ToldOf:
    """`state`: pending | agreed | refused | answered | not_asked (nothing left: the consent was withdrawn before)."""

    recipient: str
    consent_id: int
    at: datetime
    state: str


TOLD_STATES = {"ACCEPTED": "agreed", "PAID": "agreed", "REFUSED": "refused", "RETURNED": "answered", "ENDED": "refused"}


def told_of(user_id: int) -> tuple[ToldOf, ...]:
    """Every platform that somebody was handed on to, or was to be."""
    return tuple(
        ToldOf(
            recipient=row.recipient,
            consent_id=row.consent_id,
            at=row.decided_at or row.sent_at or row.created_at,
            state="not_asked" if row.end in UNASKED else TOLD_STATES.get(row.state, "pending"),
        )
        for row in Lead.objects.filter(user_id=user_id)
    )


def asking(application_ids: Sequence[int]) -> tuple[UUID, ...]:
    """Those of which a platform is being told, or has not said what came of it."""
    leads = Lead.objects.filter(application_id__in=application_ids, state__in=[*UNSENT, *ASKING])
    return tuple(leads.values_list("application__public_id", flat=True))


def looks_by_result(application_ids: Sequence[int]) -> tuple[tuple[str, int], ...]:
    """What looks found, and for whom nothing was looked for, most first."""
    rows = OfferSearch.objects.filter(application_id__in=application_ids).values_list("trigger", "result", "excluded")
    told = (f"{trigger}: {' '.join(why) if result == 'excluded' else result}" for trigger, result, why in rows)
    return tuple(Counter(told).most_common())


def leads_by_state(application_ids: Sequence[int]) -> tuple[tuple[str, int], ...]:
    rows = Lead.objects.filter(application_id__in=application_ids).values_list("recipient", "state")
    return tuple(Counter(f"{code} {state}" for code, state in rows).most_common())
