"""How a borrower's authorisation at the phone operator stands."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, QuerySet

from lending.common.compiled import compiled
from users.models import LIVE, UNDER_WAY, OperatorAuthorisation, OperatorEnd, OperatorState, Source
from users.queries.consents import live_consent

OPERATOR_SOURCE = "operator_auth"  # what is asked for the authorisation; the report itself has a source of its own
OPERATOR_JOURNEY = timedelta(minutes=30)
OPERATOR_CODES = 5


@dataclass(frozen=True)
class OperatorView:
    """`state`: none, or one of OperatorState as it is at this instant. `why`: one of OperatorEnd, or "".

    `is_checking`: the carrier is being asked. `page`: its own, where the state is redirected. `is_offered`: the source
    is switched on and the consent is live, so that one may be begun.
    """

    state: str
    why: str
    carrier: str
    is_checking: bool
    is_offered: bool
    tries_left: int
    page: str = field(repr=False)
    begun_at: datetime | None = None
    authorised_at: datetime | None = None
    valid_until: datetime | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether to ask the borrower: it may be begun, and none is live."""
        return self.is_offered and self.state != OperatorState.AUTHORISED


@dataclass(frozen=True)
class OperatorToken:
    """What a report is asked with, of a live authorisation for the number the borrower has now."""

    id: int
    token: str = field(repr=False)


@dataclass(frozen=True)
class OperatorUse:
    """An authorisation for the person it is about: to whom name and number went, when, and how it stands."""

    state: str
    why: str
    carrier: str
    recipient: str
    at: datetime
    valid_until: datetime | None
    consent_id: int

    @property
    def is_under_way(self) -> bool:
        return self.state in UNDER_WAY


def operator_uses(user_id: int) -> tuple[OperatorUse, ...]:
    """Every one, newest first."""
    columns = ("state", "why", "carrier", "recipient", "created_at", "valid_until", "consent_id")
    rows = OperatorAuthorisation.objects.filter(user_id=user_id).order_by("-pk").values_list(*columns)
    return tuple(OperatorUse(*row) for row in rows)


def operator(user_id: int, at: datetime) -> OperatorView:
    """The latest, told as it is now: the sweep that writes an end may be late."""
    source = Source.objects.filter(code=OPERATOR_SOURCE).first()
    is_offered = (
        source is not None
        and source.enabled
        and live_consent(user_id, source.consent_code, source.recipient, at) is not None
    )
    row = OperatorAuthorisation.objects.filter(user_id=user_id).select_related("user").order_by("-pk").first()
    if row is None:
        return OperatorView("none", "", "", False, is_offered, OPERATOR_CODES, "")
    state, why = _as_of(row, at)
    return OperatorView(
        state=state,
        why=why,
        carrier=row.carrier,
        is_checking=state == OperatorState.STARTED or (state == OperatorState.CODE_SENT and row.code is not None),
        is_offered=is_offered,
        tries_left=OPERATOR_CODES - row.tries,
        page=(row.page or "") if state == OperatorState.REDIRECTED else "",
        begun_at=row.created_at,
        authorised_at=row.authorised_at,
        valid_until=row.valid_until,
    )


def operator_token(user_id: int, at: datetime) -> OperatorToken | None:
    """None where there is no live one; an authorisation for another number is no use."""
    return next((OperatorToken(pk, token) for pk, token in _tokens(user_id=user_id, at=at) if token), None)


@compiled
def _tokens(user_id: int, at: datetime) -> QuerySet[OperatorAuthorisation, tuple[int, Any]]:
    rows = OperatorAuthorisation.objects.filter(user_id=user_id, state=OperatorState.AUTHORISED, valid_until__gt=at)
    return rows.filter(phone_index=F("user__phone_index")).order_by("pk").values_list("pk", "token")[:1]


def _as_of(row: OperatorAuthorisation, at: datetime) -> tuple[str, str]:
    if row.state in LIVE and row.phone_index != row.user.phone_index:
        return OperatorState.EXPIRED, OperatorEnd.OTHER_PHONE
    if row.state == OperatorState.AUTHORISED and row.valid_until is not None and row.valid_until <= at:
        return OperatorState.EXPIRED, OperatorEnd.RUN_OUT
    if row.state in UNDER_WAY and row.created_at + OPERATOR_JOURNEY <= at:
        return OperatorState.EXPIRED, OperatorEnd.NOT_FINISHED
    return str(row.state), row.why
