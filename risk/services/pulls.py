"""Asking the sources of one stage: rows claimed, calls side by side, each answer settled as it comes."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from lending.common import work
from lending.common.errors import PermanentError, TransientError, UnknownOutcome, VendorError
from risk.models import Assessment, DataPull, PullState, Variable
from risk.providers import QUERIES, loop
from risk.providers.base import Subject
from risk.rules.catalogue import VariableSpec, WrongType, value_at
from users import queries as users
from users.models import Source
from users.queries import SourceView

LEASE_SECONDS = 60
TRIES, PAUSE_SECONDS = 3, 0.2  # of a call that certainly did nothing; one that may have happened is not repeated
NO_CONSENT, SWITCHED_OFF = "no_consent", "switched_off"


@dataclass(frozen=True)
class Answer:
    """What came of one call: the raw payload, or the failure. `spent_cents`: a lost answer may be billed too."""

    pull_id: int
    payload: Mapping[str, Any] | None
    failure: str
    spent_cents: int
    latency_ms: int


def stages(source_codes: Iterable[str]) -> dict[int, list[SourceView]]:
    """The sources by stage, the cheaper first."""
    found: dict[int, list[SourceView]] = {}
    for source in map(users.source, source_codes):
        found.setdefault(source.stage, []).append(source)
    return {
        stage: sorted(found[stage], key=lambda source: (source.price_cents, source.code)) for stage in sorted(found)
    }


def run_stage(
    *,
    assessment: Assessment,
    sources: list[SourceView],
    subject: Subject,
    catalogue: Mapping[str, list[VariableSpec]],
    at: datetime,
) -> None:
    """Bring every source of the stage to an answer or to its end. Opens its own short transactions."""
    running: dict[Future[Answer], SourceView] = {}
    with transaction.atomic(durable=True):
        claimed = [(source, _claim(assessment, source, source.code, at)) for source in sources]
    for source, pull in claimed:
        if pull is not None:
            running[loop.submit(_ask(pull.pk, pull.key, source, subject, catalogue))] = source
    while running:
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        fallbacks: list[tuple[SourceView, DataPull]] = []
        with transaction.atomic(durable=True):
            Assessment.objects.select_for_update().get(pk=assessment.pk)
            for future in done:
                source = running.pop(future)
                pull = _settle(future.result(), at)
                if pull.state == PullState.DEAD and source.fallback:
                    second = users.source(source.fallback)
                    if second.protocol in QUERIES and (row := _claim(assessment, second, pull.answers_for, at)):
                        fallbacks.append((second, row))
        for source, row in fallbacks:
            running[loop.submit(_ask(row.pk, row.key, source, subject, catalogue))] = source


def values(assessment: Assessment, catalogue: Mapping[str, list[VariableSpec]]) -> dict[str, Any]:
    """The variables of every source that answered; the others stay unknown."""
    found: dict[str, Any] = {}
    rows = DataPull.objects.filter(assessment=assessment, state=PullState.ANSWERED).select_related("reused_from")
    for row in rows.order_by("pk"):
        payload = row.reused_from.payload if row.reused_from else row.payload
        for variable in catalogue.get(row.answers_for, []):
            found[variable.name] = value_at(variable, payload["data"])
    return found


def dead(assessment: Assessment, sources: Iterable[SourceView]) -> dict[str, int]:
    """How many of these sources gave nothing, by what their absence does: stop or refer. Switched off is not dead."""
    answered = set(
        DataPull.objects.filter(assessment=assessment, state=PullState.ANSWERED).values_list("answers_for", flat=True)
    )
    skipped = Assessment.objects.values_list("skipped", flat=True).get(pk=assessment.pk)
    silent = [each for each in sources if each.code not in answered and skipped.get(each.code) != SWITCHED_OFF]
    return {
        "sources_dead_stop": sum(each.dead == "stop" for each in silent),
        "sources_dead_refer": sum(each.dead == "refer" for each in silent),
    }


def spend_cents(assessment_id: int) -> int:
    return sum(DataPull.objects.filter(assessment_id=assessment_id).values_list("price_cents", flat=True))


def catalogue() -> dict[str, list[VariableSpec]]:
    """Variables of the sources that are asked over the wire, by source."""
    asked = Source.objects.filter(protocol__in=QUERIES).values_list("code", flat=True)
    found: dict[str, list[VariableSpec]] = {}
    for row in Variable.objects.filter(source__in=list(asked)).order_by("name"):
        spec = VariableSpec(row.name, row.type, row.nullable, row.source, row.path, row.unit, row.default)
        found.setdefault(row.source, []).append(spec)
    return found


def _claim(assessment: Assessment, source: SourceView, answers_for: str, at: datetime) -> DataPull | None:
    """The pull to run, leased; None where nothing is to be sent: answered, fresh enough, switched off, no consent."""
    pull = DataPull.objects.filter(assessment=assessment, source_id=source.id).first()
    if pull is None:
        if not source.enabled:
            _skip(assessment, source.code, SWITCHED_OFF)
            return None
        consent = users.live_consent(assessment.user_id, source.consent_code, source.recipient, at)
        if consent is None:
            _skip(assessment, source.code, NO_CONSENT)
            return None
        pull = DataPull(
            key=f"pull-{assessment.pk}-{source.code}",
            created_at=at,
            assessment=assessment,
            user_id=assessment.user_id,
            source_id=source.id,
            source_code=source.code,
            answers_for=answers_for,
            stage=source.stage,
            consent_id=consent.id,
            recipient=source.recipient,
        )
        _reuse(pull, source, at)
        pull.save()
    if pull.state != PullState.PENDING:
        return None
    try:
        with transaction.atomic():  # the trigger refuses a consent withdrawn since; the stage goes on without it
            due = Q(state=PullState.PENDING)
            # the assessment's own lease keeps others away, so what a dead worker left claimed may be claimed again
            DataPull.objects.filter(pk=pull.pk).update(leased_until=None)
            leased = work.claim(DataPull, due=due, at=at, lease_seconds=LEASE_SECONDS, pk=pull.pk)
    except IntegrityError as error:
        if "consent_not_live" not in str(error):
            raise
        _end(pull, "died", at, failure="consent_not_live")
        return None
    return pull if leased else None


def _reuse(pull: DataPull, source: SourceView, at: datetime) -> None:
    """Let an answer that is still fresh stand for this question."""
    former = (
        DataPull.objects.filter(
            user_id=pull.user_id,
            answers_for=pull.answers_for,
            state=PullState.ANSWERED,
            reused_from=None,
            settled_at__gt=at - timedelta(days=source.fresh_days),
        )
        .order_by("-settled_at")
        .first()
    )
    if former is not None and source.fresh_days:
        pull.reused_from = former
        pull.answered()
        pull.settled_at = at


def _skip(assessment: Assessment, code: str, why: str) -> None:
    row = Assessment.objects.select_for_update().get(pk=assessment.pk)
    row.skipped[code] = why
    row.save(update_fields=["skipped"])


async def _ask(
    pull_id: int, key: str, source: SourceView, subject: Subject, catalogue: Mapping[str, list[VariableSpec]]
) -> Answer:
    started = time.monotonic()

    def answer(payload: Mapping[str, Any] | None, failure: str, spent_cents: int) -> Answer:
        return Answer(pull_id, payload, failure, spent_cents, int((time.monotonic() - started) * 1000))

    for left in reversed(range(TRIES)):
        try:
            payload = await QUERIES[source.protocol](client=loop.client(), source=source, key=key, subject=subject)
            _check(source, payload, catalogue)
        except TransientError as error:
            if left:
                await asyncio.sleep(PAUSE_SECONDS * (TRIES - left))
                continue
            return answer(None, f"{error.code}: {error}", 0)
        except VendorError as error:
            spent_cents = source.price_cents if isinstance(error, UnknownOutcome) else 0
            return answer(None, f"{error.code}: {error}", spent_cents)
        return answer(payload, "", source.price_cents)
    raise AssertionError("a try either answers or ends")


def _check(source: SourceView, payload: Mapping[str, Any], catalogue: Mapping[str, list[VariableSpec]]) -> None:
    """Every variable of the source is there, of its type. Raises PermanentError."""
    for variable in catalogue.get(source.code, []):
        try:
            found = value_at(variable, payload["data"])
        except WrongType as error:
            raise PermanentError(str(error), vendor=source.code, code="malformed") from error
        if found is None:
            raise PermanentError(f"{variable.path} is missing", vendor=source.code, code="malformed")


def _settle(answer: Answer, at: datetime) -> DataPull:
    pull = DataPull.objects.select_for_update().get(pk=answer.pull_id)
    if pull.state != PullState.PENDING:
        return pull  # another worker was faster; the same question has the same answer
    pull.price_cents, pull.latency_ms = answer.spent_cents, answer.latency_ms
    if answer.payload is None:
        _end(pull, "died", at, failure=answer.failure)
    else:
        pull.payload = dict(answer.payload)
        _end(pull, "answered", at)
    return pull


def _end(pull: DataPull, transition: str, at: datetime, failure: str = "") -> None:
    getattr(pull, transition)()
    pull.failure, pull.settled_at, pull.leased_until = failure[:200], at, None
    pull.save(update_fields=["state", "payload", "failure", "settled_at", "leased_until", "price_cents", "latency_ms"])
