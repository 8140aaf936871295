"""Who is declined, finds no funder or wants more may be offered to other platforms: the looks, and what they find."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import Count, Q

from lending import queries as lending
from lending.common import clock
from lending.common.errors import Conflict
from lending.models import Application
from traffic.models import Lead, LeadState, Offer, OfferSearch, OfferState, Platform, PlatformDay, Trigger
from traffic.models.lead import TAKEN
from traffic.queries import distribution
from traffic.rules import exclusion, matching, ranking
from traffic.rules.settlement import Terms

NONE, EXCLUDED, HELD, RELEASED = "none", "excluded", "held", "released"
OPEN = (HELD, RELEASED)  # nothing was looked for
OFFER_STANDS = timedelta(days=7)
AT_REST = ("DECLINED", "GRANTED", "WITHDRAWN", "EXPIRED")


class NothingToLookFor(Conflict):
    code, title = "nothing_to_look_for", "There is nothing that another platform could be asked for"


def match_offers(*, application_id: int, trigger: str, at: datetime) -> int:
    """Look at every platform, and offer what matches. trigger: a value of models.Trigger. Returns the search's id.

    Looked for is the amount that is missing: what was asked, the part that was not granted, what no funder took.
    Nobody is looked for whom `rules.exclusion` names; while a person looks again at a refusal of the borrower's, the
    search is kept as held. The same again on the same business day is the same search. Offers of an earlier one close.
    """
    Application.objects.select_for_update(of=("self",)).get(pk=application_id)
    application = lending.application(application_id)
    amount_cents = missing_cents(application, trigger)
    facts = distribution.facts(application, at)
    excluded = exclusion.exclusions(facts)
    same = OfferSearch.objects.filter(application_id=application_id, trigger=trigger)
    if exclusion.APPEAL_OPEN in excluded:
        known = same.filter(result=HELD).first()
        return known.pk if known else _nobody(application_id, trigger, amount_cents, excluded, HELD, at)
    if known := same.filter(on_date=clock.business_date(at)).exclude(result__in=OPEN).first():
        return known.pk
    _close_offers(application_id)
    if excluded:
        return _nobody(application_id, trigger, amount_cents, excluded, EXCLUDED, at)
    looks = matching.consider(_platforms(at), _wanted(application, amount_cents, facts, at))
    found = {look.platform: look for look in looks if look.matches}
    search = OfferSearch.objects.create(
        application_id=application_id,
        trigger=trigger,
        amount_cents=amount_cents,
        considered=[look.as_json() for look in looks],
        result=" ".join(found) or NONE,
        at=at,
        on_date=clock.business_date(at),
    )
    for ranked in ranking.rank(_candidates(found.values(), application.grade)):
        _offer(search, application, found[ranked.platform], ranked, at)
    return search.pk


def _close_offers(application_id: int) -> None:
    for former in Offer.objects.select_for_update().filter(application_id=application_id, state=OfferState.OPEN):
        former.close()
        former.save(update_fields=["state"])


def look_for(*, user_id: int, at: datetime) -> int:
    """The borrower asks on our own page: for what their latest application that is decided left open.

    Raises NothingToLookFor.
    """
    for application in sorted(lending.applications_of(user_id), key=lambda row: row.id, reverse=True):
        if application.status in AT_REST and application.grade and missing_cents(application, Trigger.OWN_PAGE) > 0:
            return match_offers(application_id=application.id, trigger=Trigger.OWN_PAGE, at=at)
    raise NothingToLookFor()


def missing_cents(application: lending.ApplicationView, trigger: str) -> int:
    """What the borrower asked for and does not get here."""
    asked_cents = application.amount_cents or 0
    no_funder = distribution.waiting_cents(application.id)
    granted = application.status == "GRANTED" and application.terms is not None
    match trigger:
        case Trigger.NO_FUNDER:
            return no_funder or asked_cents
        case Trigger.ASKED_MORE | Trigger.OWN_PAGE if granted and application.terms is not None:
            if trigger == Trigger.OWN_PAGE and no_funder:
                return no_funder
            return max(asked_cents - application.terms.amount_cents, 0)
    return asked_cents


def _nobody(
    application_id: int, trigger: str, amount_cents: int, excluded: Sequence[str], result: str, at: datetime
) -> int:
    search = OfferSearch.objects.create(
        application_id=application_id,
        trigger=trigger,
        amount_cents=amount_cents,
        considered=[],
        excluded=list(excluded),
        result=result,
        at=at,
        on_date=clock.business_date(at),
    )
    return search.pk


def _wanted(
    application: lending.ApplicationView, amount_cents: int, facts: exclusion.Facts, at: datetime
) -> matching.Wanted:
    return matching.Wanted(
        grade=application.grade,
        amount_cents=amount_cents,
        months=application.months or 0,
        on=clock.business_date(at),
        income_cents=facts.income_cents,
        burden_cents=facts.burden_cents,
    )


def _platforms(at: datetime) -> list[matching.Platform]:
    used = dict(PlatformDay.objects.filter(date=clock.business_date(at)).values_list("platform_id", "used"))
    return [
        matching.Platform(
            code=str(row.pk),
            enabled=row.enabled,
            accepts_grades=tuple(row.accepts_grades),
            amount_min_cents=row.amount_min_cents,
            amount_max_cents=row.amount_max_cents,
            terms=tuple(row.terms_months),
            annual_rate=row.annual_rate,
            stated_xirr=row.stated_xirr,
            cap_day=row.cap_day,
            used_today=used.get(str(row.pk), 0),
            free_cents=row.balance_cents - row.held_cents,
            settle=Terms(row.settle_kind, row.settle_rate, row.settle_fee_cents),
        )
        for row in Platform.objects.all()
    ]


def _candidates(looks: Iterable[matching.Look], grade: str) -> list[ranking.Candidate]:
    """With what each platform has said to borrowers of this grade up to now."""
    accepted, refused = Q(state__in=[*TAKEN, LeadState.RETURNED]), Q(state=LeadState.REFUSED)
    said = Lead.objects.filter(accepted | refused, offer__grade=grade).order_by().values("platform_id")
    counted = said.annotate(yes=Count("pk", filter=accepted), all=Count("pk"))
    history = {row["platform_id"]: (row["yes"], row["all"]) for row in counted}
    return [
        ranking.Candidate(
            look.platform,
            *history.get(look.platform, (0, 0)),
            xirr=look.cost.xirr,
            total_cents=look.cost.total_cents,
            commission_cents=look.commission_cents,
        )
        for look in looks
        if look.cost is not None
    ]


def _offer(
    search: OfferSearch,
    application: lending.ApplicationView,
    look: matching.Look,
    ranked: ranking.Ranked,
    at: datetime,
) -> None:
    cost = look.cost
    if cost is None:
        raise ValueError(f"{look.platform} matches without a cost")
    platform = Platform.objects.get(party_id=look.platform)
    Offer.objects.create(
        search=search,
        application_id=application.id,
        user_id=application.user_id,
        platform=platform,
        place=ranked.place,
        score=ranked.parts,
        grade=application.grade,
        odds=ranked.odds,
        amount_cents=search.amount_cents or 0,
        currency=lending.product(application.product_code).currency,
        months=look.months,
        annual_rate=platform.annual_rate,
        instalment_cents=cost.instalment_cents,
        total_cents=cost.total_cents,
        irr12=cost.irr12,
        xirr=cost.xirr,
        commission_cents=look.commission_cents,
        created_at=at,
        expires_at=at + OFFER_STANDS,
    )


def release_held(*, user_id: int, at: datetime) -> int:
    """Take up the looks that were held while an appeal was open, where they still have a meaning. How many.

    None while another appeal is still open.
    """
    if lending.appeal_open(user_id):
        return 0
    held = list(
        OfferSearch.objects.select_for_update(of=("self",))
        .filter(application__user_id=user_id, result=HELD)
        .order_by("pk")
    )
    done = 0
    for search in held:
        search.result = RELEASED
        search.save(update_fields=["result"])
        if _has_a_meaning(search):
            match_offers(application_id=search.application_id, trigger=search.trigger, at=at)
            done += 1
    return done


def _has_a_meaning(search: OfferSearch) -> bool:
    if search.trigger == Trigger.NO_FUNDER:
        return any(row.status == "NO_FUNDER" for row in lending.drawdowns_of_application(search.application_id))
    status = lending.application(search.application_id).status
    if search.trigger == Trigger.OWN_PAGE:
        return status in AT_REST
    return status == ("DECLINED" if search.trigger == Trigger.DECLINED else "GRANTED")
