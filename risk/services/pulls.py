"""The pulls of one run: which sources are asked, under which consent; claimed, asked stage by stage, settled."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from lending.common import bulk, work
from lending.common.compiled import compiled
from lending.common.crypto import blind_index
from risk.models import Assessment, DataPull, PullState
from risk.providers import loop
from risk.providers.base import Subject
from risk.providers.risk_v1 import FIELDS
from risk.rules.catalogue import VariableSpec
from risk.services import answers, register
from risk.services.calls import Calls, Question
from users import queries as users
from users.queries import ConsentView, OperatorToken, SourceView
from users.services import operator

LEASE_SECONDS = 60
ANSWER_SECONDS = 75  # longer than any source may take with its retries: beyond it the loop itself hangs
EARLIER_AT_MOST = 200
NO_CONSENT, NOT_AUTHORISED = "no_consent", "not_authorised"
SWITCHED_OFF, NO_DEVICE = "switched_off", "no_device"
OPERATOR = "operator"  # the one authorisation there is beside the consents


@dataclass
class Pulls:
    """What a run knows of its sources: the register, the catalogue, its rows as they stand in the table.

    `rows` by the source asked. `earlier`: answers of other runs that may be used again, the latest first.
    `authorisations`: those that are live, their ids by what they are for.
    """

    assessment: Assessment
    subject: Subject
    sources: Mapping[str, SourceView]
    catalogue: Mapping[str, list[VariableSpec]]
    consents: Sequence[ConsentView]
    authorisations: Mapping[str, int]
    rows: dict[str, DataPull]
    earlier: Sequence[DataPull]
    at: datetime
    read: dict[int, dict[str, Any]] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """The variables of every source that answered, each read once; the others stay unknown."""
        found: dict[str, Any] = {}
        for row in sorted(self.rows.values(), key=lambda row: row.pk):
            if row.pk not in self.read and row.state != PullState.PENDING:
                self.read[row.pk] = answers.values(row, self.catalogue.get(row.answers_for, []))
            found |= self.read.get(row.pk, {})
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
    consents: Sequence[ConsentView],
    at: datetime,
) -> Pulls:
    """Reads what there is of this run and of earlier ones. `consents`: the borrower's live ones."""
    live = _authorisation(assessment.user_id, sources.values(), consents, at)
    return Pulls(
        assessment=assessment,
        subject=replace(subject, tokens={OPERATOR: live.token} if live else {}),
        sources=sources,
        catalogue=catalogue,
        authorisations={OPERATOR: live.id} if live else {},
        consents=consents,
        rows={row.source_code: row for row in _of_run(assessment_id=assessment.pk)},
        earlier=_earlier(user_id=assessment.user_id, but=assessment.pk),
        at=at,
    )


@compiled
def _of_run(assessment_id: int) -> QuerySet[DataPull]:
    return DataPull.objects.filter(assessment_id=assessment_id).select_related("reused_from")


@compiled
def _earlier(user_id: int, but: int) -> QuerySet[DataPull]:
    answered = DataPull.objects.filter(user_id=user_id, state=PullState.ANSWERED, reused_from=None, purged_at=None)
    return answered.exclude(assessment_id=but).defer("payload").order_by("-settled_at")[:EARLIER_AT_MOST]


def _authorisation(
    user_id: int, sources: Iterable[SourceView], consents: Sequence[ConsentView], at: datetime
) -> OperatorToken | None:
    """Read only where the consent beside it is live, for without that nobody is asked."""
    agreed = {consent.code for consent in consents}
    needed = any(source.authorisation and source.consent_code in agreed for source in sources)
    return users.operator_token(user_id, at) if needed else None


def run_stage(
    *, pulls: Pulls, sources: Sequence[SourceView], scenario: str, keep: Callable[[], None] = lambda: None
) -> None:
    """Bring every source of the stage to an answer or to its end. Opens its own short transactions.

    `keep` is called before each wait: it holds the run's lease, or raises.
    """
    calls = Calls()
    questions = _claim(pulls, _standing(pulls, sources), scenario)
    while questions or calls.are_out:
        keep()
        came = loop.submit(calls.answers(questions)).result(timeout=ANSWER_SECONDS)
        by_pk = {row.pk: row for row in pulls.rows.values()}
        with transaction.atomic(durable=True):
            answers.settle(by_pk, came, pulls.at)
            _end_authorisations(pulls, [by_pk[answer.pull_id] for answer in came])
        failed = [by_pk[answer.pull_id] for answer in came if by_pk[answer.pull_id].state == PullState.DEAD]
        questions = _claim(pulls, _standing(pulls, [pulls.sources[row.answers_for] for row in failed]), scenario)


def _end_authorisations(pulls: Pulls, rows: Iterable[DataPull]) -> None:
    """Those that the vendor takes no more: the next application asks the borrower for another."""
    for row in rows:
        needed = pulls.sources[row.source_code].authorisation
        if answers.is_token_refused(row) and needed in pulls.authorisations:
            operator.not_taken(authorisation_id=pulls.authorisations[needed], at=pulls.at)


def spend_cents(assessment_id: int) -> int:
    return sum(DataPull.objects.filter(assessment_id=assessment_id).values_list("price_cents", flat=True))


def _standing(pulls: Pulls, sources: Iterable[SourceView]) -> list[tuple[SourceView, str]]:
    """Who answers for each source now, with its code: itself, or the first of its fallbacks where all before it are
    switched off or have failed. One for whom nobody is on is noted as switched off."""
    found: dict[str, tuple[SourceView, str]] = {}
    for source in sources:
        each: SourceView | None = source
        while each is not None and not _may_answer(pulls, each, source.code):
            each = pulls.sources.get(each.fallback or "")
        if each is not None:
            found.setdefault(each.code, (each, source.code))
        elif all(row.answers_for != source.code for row in pulls.rows.values()):
            pulls.assessment.skipped[source.code] = SWITCHED_OFF
    return [*found.values()]


def _may_answer(pulls: Pulls, source: SourceView, answers_for: str) -> bool:
    """It was asked for this and has not failed, or it is on and was not asked."""
    row = pulls.rows.get(source.code)
    if row is None:
        return source.enabled
    return row.answers_for == answers_for and row.state != PullState.DEAD


def _claim(pulls: Pulls, wanted: Sequence[tuple[SourceView, str]], scenario: str) -> list[Question]:
    """The questions to ask, their rows leased; none where nothing is to be sent: answered, fresh enough, no
    consent."""
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
    """Unsaved, and leased already: one statement then inserts and claims it. An earlier answer needs no new
    authorisation."""
    if source.code in pulls.rows:
        return None
    consent = next(
        (each for each in pulls.consents if each.code == source.consent_code and source.recipient in each.recipients),
        None,
    )
    if consent is None:
        pulls.assessment.skipped[source.code] = NO_CONSENT
        return None
    if "device_id" in FIELDS.get(source.recipient, ()) and not pulls.subject.device_id:
        pulls.assessment.skipped[source.code] = NO_DEVICE
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
    elif source.authorisation and source.authorisation not in pulls.authorisations:
        pulls.assessment.skipped[source.code] = NOT_AUTHORISED
        return None
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
            bulk.insert_rows(rows)
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
