"""The pulls of one run: which sources are asked, under which consent; claimed, asked stage by stage, settled."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from lending.common import work
from lending.common.crypto import blind_index
from risk.models import Assessment, DataPull, PullState
from risk.providers import loop
from risk.providers.base import Subject
from risk.providers.risk_v1 import FIELDS
from risk.rules.catalogue import VariableSpec
from risk.services import answers, register
from risk.services.calls import Calls, Question
from users import queries as users
from users.queries import ConsentView, SourceView

LEASE_SECONDS = 60
ANSWER_SECONDS = 75  # longer than any source may take with its retries: beyond it the loop itself hangs
EARLIER_AT_MOST = 200
NO_CONSENT, SWITCHED_OFF = "no_consent", "switched_off"


@dataclass
class Pulls:
    """What a run knows of its sources: the register, the catalogue, its rows as they stand in the table.

    `rows` by the source asked. `earlier`: answers of other runs that may be used again, the latest first.
    """

    assessment: Assessment
    subject: Subject
    sources: Mapping[str, SourceView]
    catalogue: Mapping[str, list[VariableSpec]]
    consents: Sequence[ConsentView]
    rows: dict[str, DataPull]
    earlier: Sequence[DataPull]
    at: datetime

    def values(self) -> dict[str, Any]:
        """The variables of every source that answered; the others stay unknown."""
        found: dict[str, Any] = {}
        for row in sorted(self.rows.values(), key=lambda row: row.pk):
            found |= answers.values(row, self.catalogue.get(row.answers_for, []))
        return found

    def dead(self, sources: Iterable[SourceView]) -> dict[str, int]:
        """How many of these gave nothing, by what their absence does: stop or refer. Switched off is not dead."""
        answered = {row.answers_for for row in self.rows.values() if row.state == PullState.ANSWERED}
        skipped = self.assessment.skipped
        silent = [each for each in sources if each.code not in answered and skipped.get(each.code) != SWITCHED_OFF]
        return {
            "sources_dead_stop": sum(each.dead == "stop" for each in silent),
            "sources_dead_refer": sum(each.dead == "refer" for each in silent),
        }

    @property
    def spend_cents(self) -> int:
        return sum(row.price_cents for row in self.rows.values())


def begin(
    *,
    assessment: Assessment,
    subject: Subject,
    sources: Mapping[str, SourceView],
    catalogue: Mapping[str, list[VariableSpec]],
    at: datetime,
) -> Pulls:
    """Reads what there is of this run and of earlier ones."""
    rows = DataPull.objects.filter(assessment=assessment).select_related("reused_from")
    earlier = DataPull.objects.filter(
        user_id=assessment.user_id, state=PullState.ANSWERED, reused_from=None, purged_at=None
    ).exclude(assessment=assessment)
    return Pulls(
        assessment=assessment,
        subject=subject,
        sources=sources,
        catalogue=catalogue,
        consents=users.live_consents(assessment.user_id, at),
        rows={row.source_code: row for row in rows},
        earlier=list(earlier.defer("payload").order_by("-settled_at")[:EARLIER_AT_MOST]),
        at=at,
    )


def run_stage(
    *, pulls: Pulls, sources: Sequence[SourceView], scenario: str, keep: Callable[[], None] = lambda: None
) -> None:
    """Bring every source of the stage to an answer or to its end. Opens its own short transactions.

    `keep` is called before each wait: it holds the run's lease, or raises.
    """
    calls = Calls()
    questions = _claim(pulls, [(source, source.code) for source in sources], scenario)
    while questions or calls.are_out:
        keep()
        came = loop.submit(calls.answers(questions)).result(timeout=ANSWER_SECONDS)
        by_pk = {row.pk: row for row in pulls.rows.values()}
        with transaction.atomic(durable=True):
            answers.settle(by_pk, came, pulls.at)
        failed = [by_pk[answer.pull_id] for answer in came if by_pk[answer.pull_id].state == PullState.DEAD]
        questions = _claim(pulls, [*_fallbacks(pulls, failed)], scenario)


def spend_cents(assessment_id: int) -> int:
    return sum(DataPull.objects.filter(assessment_id=assessment_id).values_list("price_cents", flat=True))


def _fallbacks(pulls: Pulls, failed: Iterable[DataPull]) -> Iterable[tuple[SourceView, str]]:
    for row in failed:
        code = pulls.sources[row.source_code].fallback
        if code and code in pulls.sources and code not in pulls.rows:
            yield pulls.sources[code], row.answers_for


def _claim(pulls: Pulls, wanted: Sequence[tuple[SourceView, str]], scenario: str) -> list[Question]:
    """The questions to ask, their rows leased; none where nothing is to be sent: answered, fresh enough, switched
    off, no consent."""
    new = [_new_row(pulls, source, answers_for, scenario) for source, answers_for in wanted]
    created = [row for row in new if row is not None]
    left = [pulls.rows[source.code] for source, _ in wanted if source.code in pulls.rows]
    # the assessment's own lease keeps others away, so what a dead worker left claimed may be claimed again
    due = [
        *_inserted(pulls, created),
        *_claimed_again([row for row in left if row.state == PullState.PENDING], pulls.at),
    ]
    return [
        Question(
            pull_id=row.pk,
            key=row.key,
            source=pulls.sources[row.source_code],
            subject=pulls.subject,
            specs=pulls.catalogue.get(row.answers_for, []),
        )
        for row in due
        if row.state == PullState.PENDING
    ]


def _new_row(pulls: Pulls, source: SourceView, answers_for: str, scenario: str) -> DataPull | None:
    """Unsaved, and leased already: one statement then inserts and claims it."""
    if source.code in pulls.rows:
        return None
    if not source.enabled:
        pulls.assessment.skipped[source.code] = SWITCHED_OFF
        return None
    consent = next(
        (each for each in pulls.consents if each.code == source.consent_code and source.recipient in each.recipients),
        None,
    )
    if consent is None:
        pulls.assessment.skipped[source.code] = NO_CONSENT
        return None
    row = DataPull(
        key=f"pull-{pulls.assessment.pk}-{source.code}",
        created_at=pulls.at,
        attempts=1,
        leased_until=pulls.at + timedelta(seconds=LEASE_SECONDS),
        assessment=pulls.assessment,
        user_id=pulls.assessment.user_id,
        source_id=source.id,
        source_code=source.code,
        answers_for=answers_for,
        stage=source.stage,
        consent_id=consent.id,
        recipient=source.recipient,
        subject_index=_subject_index(source, pulls.subject),
    )
    former = _still_fresh(pulls, row, source, scenario)
    if former is not None:
        row.answered()
        row.reused_from, row.settled_at = former, pulls.at
        row.attempts, row.leased_until = 0, None
    return row


def _subject_index(source: SourceView, subject: Subject) -> str:
    """Of what its recipient is sent: an answer holds for that alone. A fallback has the recipient of its source."""
    sent = {name: str(getattr(subject, name)) for name in FIELDS.get(source.recipient, ())}
    return blind_index("\0".join(f"{name}={sent[name]}" for name in sorted(sent)), "pull")


def _still_fresh(pulls: Pulls, row: DataPull, source: SourceView, scenario: str) -> DataPull | None:
    """The latest answer to the same question that still stands; the fallback's own time holds for its answers."""
    for former in pulls.earlier:
        if (former.answers_for, former.subject_index) != (row.answers_for, row.subject_index):
            continue
        limits = {
            code: register.fresh_since(pulls.sources[code], scenario, pulls.at)
            for code in {source.code, former.source_code} & pulls.sources.keys()
        }
        if former.settled_at and all(since is not None and former.settled_at > since for since in limits.values()):
            return former
    return None


def _inserted(pulls: Pulls, rows: list[DataPull]) -> list[DataPull]:
    """The rows that are there now. A trigger refuses one whose consent was withdrawn since; the others go on."""
    if not rows:
        return []
    try:
        with transaction.atomic(durable=True):
            DataPull.objects.bulk_create(rows)
    except IntegrityError as error:
        if "consent_not_live" not in str(error):
            raise
        rows = [row for row in rows if _inserted_alone(pulls, row)]
    pulls.rows.update({row.source_code: row for row in rows})
    return rows


def _inserted_alone(pulls: Pulls, row: DataPull) -> bool:
    row.pk = None
    try:
        with transaction.atomic(durable=True):
            row.save(force_insert=True)
    except IntegrityError as error:
        if "consent_not_live" not in str(error):
            raise
        pulls.assessment.skipped[row.source_code] = NO_CONSENT
        return False
    return True


def _claimed_again(rows: list[DataPull], at: datetime) -> list[DataPull]:
    """What a dead worker left open, leased again, except where its consent was withdrawn since: that ends it."""
    found = []
    for row in rows:
        try:
            with transaction.atomic(durable=True):
                DataPull.objects.filter(pk=row.pk).update(leased_until=None)
                if work.claim(DataPull, due=Q(state=PullState.PENDING), at=at, lease_seconds=LEASE_SECONDS, pk=row.pk):
                    found.append(row)
        except IntegrityError as error:
            if "consent_not_live" not in str(error):
                raise
            row.died()
            row.failure, row.settled_at, row.leased_until = "consent_not_live", at, None
            with transaction.atomic(durable=True):
                row.save(update_fields=["state", "failure", "settled_at", "leased_until"])
    return found
