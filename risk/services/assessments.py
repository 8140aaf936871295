"""The run of an assessment: admission, then pulls and scenarios stage by stage, then one verdict.

A worker leases the row, so two never run it together; what a dead one left is resumed from settled pulls and stored
decisions, and the same key at every vendor gives the same answer.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from lending import queries as lending
from lending.common import bulk, clock, wake, work
from lending.common.compiled import compiled
from lending.common.remembered import one_look
from lending.queries import ApplicationView
from lending.rules.terms import Terms
from lending.services import applications, drawdowns
from risk.models import Assessment, AssessmentKind, AssessmentState, Binding, Decision
from risk.services import decisions, facts, pulls, register
from risk.services.pulls import Pulls
from risk.services.register import Catalogue
from users import queries as users
from users.queries import SourceView
from users.services import notices, tags

logger = logging.getLogger(__name__)

LEASE_SECONDS = 90  # above the longest wait for vendors; renewed before each
RENEW_SECONDS = 10
NOTICE_AFTER = 3
ORDER = {AssessmentKind.APPLICATION: ("admission", "antifraud", "credit"), AssessmentKind.DRAWDOWN: ("drawdown",)}


def start_assessment(*, application_id: int, at: datetime) -> int:
    """SUBMITTED → ASSESSING, with the work row of it. Raises as `applications.begin_assessment`."""
    applications.begin_assessment(application_id=application_id, at=at)
    application = lending.application(application_id)
    return _start(
        key=f"application-{application_id}",
        kind=AssessmentKind.APPLICATION,
        application_id=application_id,
        drawdown_id=None,
        user_id=application.user_id,
        at=at,
    )


def start_drawdown_check(*, drawdown_id: int, at: datetime) -> int:
    """The drawdown scenario decides again on stale data."""
    drawdown = lending.drawdown(drawdown_id)
    return _start(
        key=f"drawdown-{drawdown_id}",
        kind=AssessmentKind.DRAWDOWN,
        application_id=drawdown.application_id,
        drawdown_id=drawdown_id,
        user_id=drawdown.user_id,
        at=at,
    )


def cancel(*, application_id: int, at: datetime) -> None:
    """Stop what still runs for the application; an answer that arrives later is kept and changes nothing."""
    for row in Assessment.objects.select_for_update().filter(
        application_id=application_id, kind=AssessmentKind.APPLICATION, state=AssessmentState.PENDING
    ):
        row.cancel()
        row.finished_at, row.leased_until = at, None
        row.spend_cents = pulls.spend_cents(row.pk)
        row.save(update_fields=["state", "finished_at", "leased_until", "spend_cents"])


def run_assessment(*, assessment_id: int, now: datetime) -> None:
    """Bring the assessment to its verdict. Opens its own short transactions; returns at once if done or claimed."""
    with transaction.atomic(durable=True):
        claimed = work.claim(
            Assessment, due=Q(state=AssessmentState.PENDING), at=now, lease_seconds=LEASE_SECONDS, pk=assessment_id
        )
    if not claimed:
        return
    (assessment,) = _by_id(assessment_id=assessment_id)
    try:
        _run(assessment, now)
    except _NotOurs:
        return
    except Exception as error:
        with transaction.atomic(durable=True):
            _push_forward(assessment, error, now)
        raise


def run_due(*, now: datetime, limit: int = 50) -> int:
    """Run what is due; returns how many rows were looked at. One that fails is logged and waits, the others go on."""
    due = Assessment.objects.filter(
        Q(leased_until=None) | Q(leased_until__lt=now),
        Q(not_before=None) | Q(not_before__lte=now),
        state=AssessmentState.PENDING,
    )
    ids = list(due.order_by("pk").values_list("pk", flat=True)[:limit])
    for assessment_id in ids:
        try:
            run_assessment(assessment_id=assessment_id, now=now)
        except Exception:
            logger.exception("assessment failed", extra={"assessment_id": assessment_id})
    return len(ids)


class _NotOurs(Exception):
    """Cancelled, or leased by another worker meanwhile: whoever has it goes on."""


@dataclass
class _Run:
    """The values gathered so far, and what a decision needs beside them.

    A run has one instant, `now`; only its lease goes with the time that it takes.
    """

    assessment: Assessment
    pulls: Pulls
    catalogue: Catalogue
    decided: dict[str, Decision]
    values: dict[str, Any]
    product_code: str
    channel_code: str
    checks_cents: int
    application: ApplicationView | None
    now: datetime
    started: float = field(default_factory=time.monotonic)
    kept: float = field(default_factory=time.monotonic)

    @property
    def spend_cents(self) -> int:
        return self.checks_cents + self.pulls.spend_cents

    def keep(self) -> None:
        """Renew the lease where some of it is used. Raises _NotOurs."""
        now = time.monotonic()
        if now - self.kept < RENEW_SECONDS:
            return
        row, self.kept = self.assessment, now
        until = self.now + timedelta(seconds=now - self.started + LEASE_SECONDS)
        ours = Assessment.objects.filter(pk=row.pk, state=AssessmentState.PENDING, attempts=row.attempts)
        with transaction.atomic(durable=True):
            if not ours.update(leased_until=until, skipped=row.skipped):
                raise _NotOurs

    def decide(self, scenario: str, step: str, role: str) -> Decision:
        """The stored decision of this step, else a new one."""
        if step not in self.decided:
            with transaction.atomic(durable=True):
                self.decided[step] = decisions.decide(
                    assessment=self.assessment,
                    scenario=scenario,
                    step=step,
                    role=role,
                    values=self.values,
                    defaults=self.catalogue.defaults,
                    product_code=self.product_code,
                    channel_code=self.channel_code,
                    spend_cents=self.spend_cents,
                    at=self.now,
                )
        return self.decided[step]


def _run(assessment: Assessment, now: datetime) -> None:
    with one_look():
        run = _gather(assessment, now)
        for decision in _decisions(run):
            if decision is not None:
                with transaction.atomic(durable=True):
                    _record(run, decision)
                return


def _gather(assessment: Assessment, now: datetime) -> _Run:
    sources = register.asked()
    catalogue = register.catalogue()
    consents = users.live_consents(assessment.user_id, now)
    known = facts.known(assessment, catalogue, consents, now)
    return _Run(
        assessment=assessment,
        pulls=pulls.begin(
            assessment=assessment,
            subject=known.subject,
            sources=sources,
            catalogue=catalogue.specs,
            consents=consents,
            at=now,
        ),
        catalogue=catalogue,
        decided={row.step: row for row in _decided(assessment_id=assessment.pk)},
        values=known.values,
        product_code=known.product_code,
        channel_code=known.channel_code,
        checks_cents=known.checks_cents,
        application=known.application,
        now=now,
    )


@compiled
def _decided(assessment_id: int) -> QuerySet[Decision]:
    return Decision.objects.filter(assessment_id=assessment_id)


def _decisions(run: _Run) -> Iterator[Decision | None]:
    """The decision that ends the run, None after each scenario that does not."""
    order = ORDER[AssessmentKind(run.assessment.kind)]
    inputs = run.catalogue.inputs
    for scenario in order:
        yield from _stages(run, scenario, inputs[scenario])
        decision = run.decide(scenario, scenario, Binding.Role.DECIDE)
        if decision.outcome == "decline" or scenario == order[-1]:
            yield decision
            return
        if decision.outcome == "refer":
            run.values["earlier_reasons"] = list(dict.fromkeys([*run.values["earlier_reasons"], *decision.reasons]))
        run.values["earlier_tags"] = list(dict.fromkeys([*run.values["earlier_tags"], *decision.tags]))


def _stages(run: _Run, scenario: str, inputs: list[str]) -> Iterator[Decision | None]:
    """Pull the scenario's sources stage by stage; a decline of the knock-out stops before the dearer ones."""
    found = run.pulls
    wanted = [code for code, variables in found.catalogue.items() if any(each.name in inputs for each in variables)]
    by_stage = register.by_stage([found.sources[code] for code in wanted])
    asked: list[SourceView] = []
    run.values |= {"sources_dead_stop": 0, "sources_dead_refer": 0}
    for stage, sources in by_stage.items():
        pulls.run_stage(pulls=found, sources=sources, scenario=scenario, keep=run.keep)
        asked += sources
        run.values |= found.values() | found.dead(asked)
        is_last = stage == max(by_stage)
        if not is_last and decisions.knock_out_in_force(
            scenario, run.product_code, run.channel_code, run.assessment.segment, run.now
        ):
            decision = run.decide(scenario, f"{scenario} after stage {stage}", Binding.Role.KNOCK_OUT)
            yield decision if decision.outcome == "decline" else None


def _record(run: _Run, decision: Decision) -> None:
    """Report the verdict downhill and close the row; too late a verdict is kept and changes nothing."""
    verdict = decisions.verdict_of(decision)
    application = run.application
    if application is None:
        outcome = "approve" if decision.outcome == "approve" else "decline"
        drawdowns.record_check(
            drawdown_id=run.assessment.drawdown_id or 0,
            outcome=outcome,
            reasons=decision.reasons,
            decision_id=decision.pk,
            at=run.now,
        )
    else:
        outcome = decision.outcome
        terms = None
        if verdict.limit_cents and decision.annual_rate is not None:
            terms = Terms(verdict.limit_cents, application.months or 0, decision.annual_rate, application.method)
        applications.record_verdict(
            application_id=application.id,
            outcome=outcome,
            terms=terms,
            grade=decision.grade,
            reasons=decision.reasons,
            decision_id=decision.pk,
            at=run.now,
        )
    (assessment,) = _locked(assessment_id=run.assessment.pk)
    if assessment.state != AssessmentState.PENDING:
        return  # cancelled meanwhile
    assessment.finish()
    assessment.outcome, assessment.finished_at, assessment.leased_until = outcome, run.now, None
    assessment.spend_cents, assessment.skipped = run.spend_cents, run.assessment.skipped
    bulk.save(assessment, ["state", "outcome", "finished_at", "leased_until", "spend_cents", "skipped"])
    for tag, source in decisions.tags_of(run.decided.values()).items():
        tags.put(user_id=assessment.user_id, tag=tag, source=source, at=run.now)


@compiled
def _by_id(assessment_id: int) -> QuerySet[Assessment]:
    return Assessment.objects.filter(pk=assessment_id)


@compiled
def _locked(assessment_id: int) -> QuerySet[Assessment]:
    return Assessment.objects.select_for_update().filter(pk=assessment_id)


def _start(*, key: str, kind: str, application_id: int, drawdown_id: int | None, user_id: int, at: datetime) -> int:
    row, _ = Assessment.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "application_id": application_id,
            "drawdown_id": drawdown_id,
            "user_id": user_id,
            "as_of_date": clock.business_date(at),
            "segment": facts.segment(user_id, at),
            "created_at": at,
        },
    )
    wake.wake("risk.tasks.run_assessment", assessment_id=row.pk)
    return row.pk


def _push_forward(ran: Assessment, error: Exception, at: datetime) -> None:
    row = Assessment.objects.select_for_update().get(pk=ran.pk)
    if row.attempts != ran.attempts:
        return  # another worker has it
    row.leased_until, row.not_before = None, at + work.back_off(row.attempts)
    row.last_error = f"{type(error).__name__}: {error}"[:300]
    row.save(update_fields=["leased_until", "not_before", "last_error"])
    if isinstance(error, decisions.NothingInForce):
        notices.raise_notice(
            kind="nothing_in_force",
            subject=f"scenario:{error.data['scenario']}",
            text=f"{error.detail} Applications wait until a release is put in force.",
            severity="critical",
            at=at,
        )
    elif row.attempts >= NOTICE_AFTER:
        notices.raise_notice(kind="assessment_failing", subject=f"assessment:{row.pk}", text=row.last_error, at=at)
