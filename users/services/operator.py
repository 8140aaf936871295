"""Authorisation at the phone operator: begun by the borrower, decided at the carrier, over when its time is.

A row is written before the carrier is asked, in the worker; what got lost on the way is asked for under its key.
"""

import re
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.crypto import constant_time_compare, salted_hmac

from lending.common import wake, work
from lending.common.errors import (
    Conflict,
    Invalid,
    NotFound,
    PermanentError,
    TooManyRequests,
    Unauthenticated,
    VendorError,
)
from users import queries
from users.models import LIVE, UNDER_WAY, OperatorAuthorisation, OperatorEnd, OperatorState, Profile, User
from users.providers import operator as carrier
from users.providers.operator import Standing
from users.queries import OPERATOR_CODES, OPERATOR_JOURNEY, OPERATOR_SOURCE, SourceView
from users.services import consents, notices
from users.services.checks import DetailsMissing
from users.services.operator_ends import end

AGAIN_AFTER = timedelta(minutes=1)  # until then a second beginning is the first one
A_DAY = 5
MAX_ATTEMPTS = 5
LOOK_AGAIN = timedelta(minutes=2)  # at a page that is open, should its callback be lost
CODE = re.compile(r"[0-9]{4,8}")
OPEN = Q(state__in=[OperatorState.STARTED, OperatorState.REDIRECTED]) | Q(
    state=OperatorState.CODE_SENT, code__isnull=False
)


class OperatorNotAsked(Conflict):
    code, title = "operator_not_asked", "Phone operators are not asked at the moment"


class TooManyBeginnings(TooManyRequests):
    code, title = "too_many_authorisations", "No more tries at the phone operator today"


class NoCodeAwaited(Conflict):
    code, title = "no_code_awaited", "The phone operator waits for no code"


class CodeBeingChecked(Conflict):
    code, title = "code_being_checked", "The phone operator is looking at a code already"


class CodeMalformed(Invalid):
    code, title = "operator_code_malformed", "The operator’s code has four to eight digits"


class NotFromThere(Conflict):
    code, title = "not_from_there", "This page was not opened from here: look whether it worked"


def start(*, user_id: int, at: datetime) -> int:
    """The id of the authorisation. One that is live for the same number, or was begun a moment ago, is returned again.

    Raises OperatorNotAsked, DetailsMissing, ConsentMissing, TooManyBeginnings.
    """
    user = User.objects.select_for_update().get(pk=user_id)
    source = queries.source(OPERATOR_SOURCE)
    if not source.enabled:
        raise OperatorNotAsked()
    profile = Profile.objects.filter(user_id=user_id).first()
    if profile is None or not profile.name or not profile.id_number:
        raise DetailsMissing(missing=["name", "id_number"])
    consent_id = consents.require(user_id=user_id, code=source.consent_code, recipient=source.recipient, at=at)
    own = OperatorAuthorisation.objects.filter(user_id=user_id)
    live = own.select_for_update().filter(state__in=LIVE).first()
    if live is not None:
        if (over := _over(live, user, at)) is None:
            return live.pk
        end(live, over, at)
    if own.filter(created_at__gt=at - timedelta(days=1)).count() >= A_DAY:
        raise TooManyBeginnings(retry_after=3600)
    row = OperatorAuthorisation.objects.create(
        key=f"operator-{uuid.uuid4().hex}",
        user_id=user_id,
        consent_id=consent_id,
        recipient=source.recipient,
        phone_index=user.phone_index or "",
        created_at=at,
    )
    wake.wake("users.tasks.run_operator", authorisation_id=row.pk)
    return row.pk


def _over(row: OperatorAuthorisation, user: User, at: datetime) -> OperatorEnd | None:
    """Why a live one does not serve somebody who begins again; None where it does."""
    if row.phone_index != user.phone_index:
        return OperatorEnd.OTHER_PHONE
    if row.state == OperatorState.AUTHORISED:
        return OperatorEnd.RUN_OUT if row.valid_until is None or row.valid_until <= at else None
    return OperatorEnd.BEGUN_AGAIN if row.created_at + AGAIN_AFTER <= at else None


def confirm_code(*, user_id: int, code: str, at: datetime) -> None:
    """Hand the carrier's code over; the worker sends it. The same once more while it is looked at is the same try.

    Raises NoCodeAwaited, CodeBeingChecked, CodeMalformed.
    """
    row = OperatorAuthorisation.objects.select_for_update().filter(user_id=user_id, state__in=UNDER_WAY).first()
    if row is None or row.state != OperatorState.CODE_SENT or row.created_at + OPERATOR_JOURNEY <= at:
        raise NoCodeAwaited()
    if not CODE.fullmatch(code):
        raise CodeMalformed(fields={"code": "Four to eight digits."})
    if row.code is not None:
        if constant_time_compare(row.code, code):
            return
        raise CodeBeingChecked()
    row.code, row.why, row.attempts, row.not_before = code, "", 0, None
    row.tries += 1
    row.save(update_fields=["code", "why", "attempts", "not_before", "tries"])
    wake.wake("users.tasks.run_operator", authorisation_id=row.pk)


def come_back(*, user_id: int, state: str, at: datetime) -> None:
    """A browser from the carrier's page: not to be believed, so the carrier is asked at once.

    Raises NotFromThere where this borrower was not sent there just now.
    """
    row = OperatorAuthorisation.objects.select_for_update().filter(user_id=user_id).order_by("-pk").first()
    if row is None or not constant_time_compare(_state(row.key), state):
        raise NotFromThere()
    if row.state == OperatorState.REDIRECTED:
        row.not_before = None
        row.save(update_fields=["not_before"])
        wake.wake("users.tasks.run_operator", authorisation_id=row.pk)


def called_back(*, told: Mapping[str, Any], at: datetime) -> str:
    """What the carrier says by itself, its signature checked: "settled", or "ignored" where it comes too late or again.

    Raises NotFound for a key that is not ours, Invalid for what is no standing.
    """
    try:
        standing = carrier.read(queries.source(OPERATOR_SOURCE), told)
    except PermanentError as error:
        raise Invalid(error.detail) from error
    row = OperatorAuthorisation.objects.select_for_update().filter(key=standing.key).first()
    if row is None:
        raise NotFound("There is no such authorisation.")
    if row.state != OperatorState.REDIRECTED or standing.status not in ("authorised", "refused"):
        return "ignored"
    _decide(row, standing, at)
    return "settled"


def secret() -> str:
    """What callbacks are signed with. Raises Unauthenticated where none is agreed: nobody could have signed."""
    agreed = queries.source(OPERATOR_SOURCE).secret
    if not agreed:
        raise Unauthenticated("No secret is agreed.")
    return agreed


def not_taken(*, authorisation_id: int, at: datetime) -> None:
    """The report's vendor said that it takes this one no more."""
    row = OperatorAuthorisation.objects.select_for_update().filter(pk=authorisation_id).first()
    if row is not None and row.state == OperatorState.AUTHORISED:
        end(row, OperatorEnd.NOT_TAKEN, at)


def run(*, authorisation_id: int, now: datetime) -> None:
    """Ask the carrier, in three acts. Returns at once where nothing is to be asked, or another worker does."""
    with transaction.atomic(durable=True):
        claimed = work.claim(OperatorAuthorisation, due=OPEN, at=now, pk=authorisation_id)
    if not claimed:
        return
    row = OperatorAuthorisation.objects.get(pk=authorisation_id)
    source = queries.source(OPERATOR_SOURCE)
    try:
        came: Standing | VendorError = _ask(source, row, now)
    except VendorError as error:
        came = error
    with transaction.atomic(durable=True):
        _settle(row, came, now)


def run_due(*, now: datetime, limit: int = 50) -> int:
    """End what is over and ask for what is due; returns how many rows were looked at."""
    ended = _end_overdue(now, limit)
    due = OperatorAuthorisation.objects.filter(
        OPEN, Q(leased_until=None) | Q(leased_until__lt=now), Q(not_before=None) | Q(not_before__lte=now)
    )
    ids = list(due.order_by("pk").values_list("pk", flat=True)[:limit])
    for authorisation_id in ids:
        run(authorisation_id=authorisation_id, now=now)
    return ended + len(ids)


@transaction.atomic(durable=True)
def _end_overdue(now: datetime, limit: int) -> int:
    over = Q(state=OperatorState.AUTHORISED, valid_until__lte=now) | Q(
        state__in=UNDER_WAY, created_at__lte=now - OPERATOR_JOURNEY
    )
    rows = list(OperatorAuthorisation.objects.select_for_update(skip_locked=True).filter(over).order_by("pk")[:limit])
    for row in rows:
        end(row, OperatorEnd.RUN_OUT if row.state == OperatorState.AUTHORISED else OperatorEnd.NOT_FINISHED, now)
    return len(rows)


def _ask(source: SourceView, row: OperatorAuthorisation, now: datetime) -> Standing:
    """What was asked before is never asked again without looking: its answer may be all that was lost."""
    found = carrier.query(source, key=row.key) if row.attempts > 1 or row.state == OperatorState.REDIRECTED else None
    if row.state == OperatorState.REDIRECTED:
        if found is None:
            raise PermanentError("forgot an authorisation", vendor=source.code, code=carrier.UNKNOWN_KEY)
        return found
    if row.state == OperatorState.STARTED:
        return found or carrier.begin(source, key=row.key, holder=_holder(row), at=now)
    code_key = f"{row.key}-{row.tries}"
    if found is not None and (found.code_key == code_key or found.status != "code_sent"):
        return found
    return carrier.send_code(source, key=row.key, code_key=code_key, code=row.code or "", at=now)


def _holder(row: OperatorAuthorisation) -> carrier.Holder:
    person = queries.person(row.user_id)
    return carrier.Holder(
        name=person.name,
        id_number=person.id_number,
        phone=person.phone,
        callback_url=f"{settings.PUBLIC_URL}/callbacks/users/operator",
        return_url=f"{settings.PUBLIC_URL}/me/operator/return/",
        state=_state(row.key),
    )


def _settle(asked: OperatorAuthorisation, came: Standing | VendorError, now: datetime) -> None:
    row = OperatorAuthorisation.objects.select_for_update().get(pk=asked.pk)
    if (row.state, row.tries) != (asked.state, asked.tries):
        return  # ended or decided meanwhile: the late answer changes nothing
    if isinstance(came, VendorError):
        _settle_failure(row, came, now)
    elif came.status in ("authorised", "refused", "expired"):
        _decide(row, came, now)
    else:
        _settle_way(row, came, now)


def _settle_way(row: OperatorAuthorisation, standing: Standing, now: datetime) -> None:
    """Under way: the journey is known, the page still open, or the code was wrong."""
    row.leased_until = row.not_before = None
    row.carrier = standing.carrier or row.carrier
    if row.state == OperatorState.STARTED and standing.status == "code_sent":
        row.code_sent()
    elif row.state == OperatorState.STARTED:
        row.redirected()
        row.page, row.not_before = standing.page, now + LOOK_AGAIN
    elif row.state == OperatorState.REDIRECTED:
        row.not_before = now + LOOK_AGAIN
    elif row.tries >= OPERATOR_CODES:
        end(row, OperatorEnd.WRONG_CODES, now, refused=True)
        return
    else:
        row.code, row.why = None, OperatorEnd.WRONG_CODE
    row.save(update_fields=["state", "carrier", "page", "code", "why", "leased_until", "not_before"])


def _decide(row: OperatorAuthorisation, standing: Standing, now: datetime) -> None:
    until = standing.valid_until
    if standing.status == "refused":
        end(row, OperatorEnd.REFUSED if row.code is None else OperatorEnd.WRONG_CODES, now, refused=True)
    elif standing.status == "expired" or until is None or until <= now or row.state == OperatorState.STARTED:
        end(row, OperatorEnd.NOT_FINISHED, now)
    else:
        row.authorised()
        row.token, row.authorised_at, row.valid_until = standing.token, now, until
        row.why, row.code, row.page, row.leased_until, row.not_before = "", None, None, None, None
        row.save()


def _settle_failure(row: OperatorAuthorisation, error: VendorError, now: datetime) -> None:
    if error.code in carrier.NOT_OF_THIS_NUMBER:
        end(row, OperatorEnd.NOT_POSSIBLE, now, refused=True)
        return
    if row.state == OperatorState.REDIRECTED or (row.attempts < MAX_ATTEMPTS and not isinstance(error, PermanentError)):
        row.leased_until = None
        row.not_before = now + work.back_off(row.attempts)
        row.save(update_fields=["leased_until", "not_before"])
        return
    notices.raise_notice(kind="source_dead", subject=f"source:{OPERATOR_SOURCE}", text=str(error), at=now)
    end(row, OperatorEnd.NO_ANSWER, now)


def _state(key: str) -> str:
    """What the browser brings back from the carrier's page: known to us, the carrier and this borrower alone."""
    return salted_hmac("users.operator-state", key, algorithm="sha256").hexdigest()
