"""Who is declined, finds no funder or wants more may be offered to other platforms. None is switched on yet."""

from datetime import datetime

from lending import queries as lending
from traffic.models import OfferSearch, Platform, Trigger
from traffic.rules import matching

NONE, HELD, RELEASED = "none", "held", "released"


def match_offers(*, application_id: int, trigger: str, at: datetime) -> int:
    """Look at every platform and record what was found: today always none. trigger: a value of models.Trigger.

    The amount asked for is what a platform would be asked for. While a person looks again at a refusal of the
    borrower's, nothing is looked for: the search is kept as held. Returns the search's id.
    """
    application = lending.application(application_id)
    if lending.appeal_open(application.user_id):
        held = OfferSearch.objects.create(
            application_id=application_id, trigger=trigger, considered=[], result=HELD, at=at
        )
        return held.pk
    platforms = [
        matching.Platform(
            code=row.party_id,
            enabled=row.enabled,
            accepts_grades=tuple(row.accepts_grades),
            amount_min_cents=row.amount_min_cents,
            amount_max_cents=row.amount_max_cents,
        )
        for row in Platform.objects.all()
    ]
    considered = matching.consider(platforms, grade=application.grade, amount_cents=application.amount_cents or 0)
    found = [str(look["platform"]) for look in considered if look["matches"]]
    search = OfferSearch.objects.create(
        application_id=application_id,
        trigger=trigger,
        considered=list(considered),
        result=" ".join(found)[:20] or NONE,
        at=at,
    )
    return search.pk


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
    wanted = "DECLINED" if search.trigger == Trigger.DECLINED else "GRANTED"
    return lending.application(search.application_id).status == wanted
