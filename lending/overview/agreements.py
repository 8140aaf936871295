"""Reads composed from every app's queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lending import flow, queries
from lending.common.errors import Invalid
from traffic.queries import distribution
from users import queries as users


@dataclass(frozen=True, slots=True)
class Agreement:
    """A document as the borrower has to see it now; `recipients` are those its consent must name."""

    code: str
    version: str
    moment: str
    accepted_by: str
    optional: bool
    recipients: tuple[str, ...]
    title_en: str
    title_zh: str
    body_en: str
    body_zh: str
    given: bool


def agreements(
    *,
    user_id: int,
    moment: str,
    at: datetime,
    grant_id: UUID | None = None,
    amount_cents: int | None = None,
    months: int | None = None,
    offer_id: UUID | None = None,
    context: str | None = None,
) -> tuple[Agreement, ...]:
    """The documents of a moment in order of signing; `drawdown` needs the grant, amount and months, `distribution`
    the offer. `context`: only
    what was given for that counts as given.
    """
    named: Sequence[str] = ()
    if moment == "drawdown":
        if grant_id is None or amount_cents is None or months is None:
            needed = {"grant_id": "required", "amount_cents": "required", "months": "required"}
            raise Invalid("The lenders depend on grant, amount and term.", fields=needed)
        grant = queries.grant_for(user_id, grant_id)
        named = flow.to_be_named(flow.candidates(grant_id=grant.id, amount_cents=amount_cents, months=months, at=at))
    if moment == "distribution":
        if offer_id is None:
            raise Invalid("The platform depends on the offer.", fields={"offer_id": "required"})
        named, context = (distribution.offer_for(user_id, offer_id, at).platform,), f"offer:{offer_id}"
    return tuple(_agreement(user_id, document, named, at, context) for document in users.documents(at, moment))


def _agreement(
    user_id: int, document: users.DocumentView, named: Sequence[str], at: datetime, context: str | None
) -> Agreement:
    recipients = tuple(named) if document.named_recipients else document.recipients
    live = users.live_consent_naming(user_id, document.code, recipients, at, context=context) if recipients else None
    return Agreement(
        code=document.code,
        version=document.version,
        moment=document.moment,
        accepted_by=document.accepted_by,
        optional=document.is_optional,
        recipients=recipients,
        title_en=document.title_en,
        title_zh=document.title_zh,
        body_en=document.body_en,
        body_zh=document.body_zh,
        given=live is not None,
    )
