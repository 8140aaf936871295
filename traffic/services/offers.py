"""Who is declined, finds no funder or wants more may be offered to other platforms. None is switched on yet."""

from datetime import datetime

from lending import queries as lending
from traffic.models import OfferSearch, Platform
from traffic.rules import matching

NONE = "none"


def match_offers(*, application_id: int, trigger: str, at: datetime) -> int:
    """Look at every platform and record what was found: today always none. trigger: a value of models.Trigger.

    The amount asked for is what a platform would be asked for. Returns the search's id.
    """
    application = lending.application(application_id)
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
