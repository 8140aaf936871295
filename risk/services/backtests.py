"""Backtests: what is tried, over which rows, against what; started, cancelled, seen. `backtest_runs` runs them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lending.common import clock, wake
from lending.common.errors import Conflict, Invalid, NotFound
from risk.models import (
    Backtest,
    BacktestChunk,
    BacktestState,
    Binding,
    Dataset,
    Decision,
    Draft,
    Release,
    ReleaseForm,
    Scenario,
    Variable,
)
from risk.rules import engine
from risk.rules.document import Flow, enveloped
from risk.rules.paths import has_no_outcome
from risk.rules.trials import Plan
from risk.services import datasets, drafts, releases
from risk.services.releases import Scope
from users.services import acts, notices

PERMISSION = "risk.run_backtest"
LANES = 4  # chunks of one backtest at a time: the workers have applicants to decide about meanwhile
MAX_ROWS = 200_000
OPEN = (BacktestState.PENDING, BacktestState.RUNNING)
NOTICES = ("backtest_done", "backtest_failed")


class CannotBeTried(Invalid):
    """Data `problems`: one object per problem, as `strategy check` prints them."""

    code, title = "cannot_be_tried", "This draft would fail in silence; mend it first"


class DecidesNothing(Invalid):
    code, title = (
        "decides_nothing",
        (
            "A scorecard, or a table without an outcome, decides nothing by itself: backtest the flow that asks it, "
            "its open draft is used there"
        ),
    )


class OfAnotherScenario(Invalid):
    code, title = "of_another_scenario", "Candidate, baseline and rows must be of one scenario"


class NothingToTry(Invalid):
    code, title = "nothing_to_try", "There is no row to try"


class TooManyRows(Invalid):
    code, title = "too_many_rows", f"More than {MAX_ROWS:,} rows; choose a shorter period"


class Over(Conflict):
    code, title = "backtest_over", "This backtest is over already"


@dataclass(frozen=True)
class Period:
    """Stored decisions of the scenario from `since` up to `until`, of a product and channel where they are named."""

    since: datetime
    until: datetime
    product_code: str = ""
    channel_code: str = ""


def start(
    *,
    by: str,
    at: datetime,
    draft_id: int | None = None,
    release_id: int | None = None,
    dataset_id: int | None = None,
    period: Period | None = None,
    baseline_id: int | None = None,
    groups: Sequence[str] = (),
) -> Backtest:
    """Try a draft, as it is now with all that it asks, or a release; over a dataset or a period.

    `baseline_id`: a release; without it what serves the scope now, or nothing where nothing does. `groups`: of the
    rows, for the fairness table. Raises NotFound, CannotBeTried, DecidesNothing, OfAnotherScenario, NothingToTry,
    TooManyRows, NotAllowed.
    """
    acts.require(by=by, permission=PERMISSION)
    candidate = _draft(draft_id) if draft_id is not None else _release(release_id)
    scenario, form, flows = candidate.scenario, candidate.form, candidate.flows
    if form == ReleaseForm.SCORECARD or has_no_outcome(flows):
        raise DecidesNothing
    engine.load(flows)
    dataset = _dataset(dataset_id, scenario) if dataset_id is not None else None
    chunks = _parts(dataset) if dataset is not None else _decision_chunks(scenario, period)
    where = (period.product_code, period.channel_code) if period else ("", "")
    baseline = _baseline(baseline_id, scenario, flows[0].key, form, where, at)
    row = Backtest.objects.create(
        key=f"backtest-{uuid.uuid4()}",
        scenario=scenario,
        draft=candidate.draft,
        release=candidate.release,
        candidate_name=candidate.name[:120],
        candidate=[{"key": flow.key, "scenario": flow.scenario, "graph": flow.graph} for flow in flows],
        candidate_sha256=releases.closure_digest(flows),
        baseline=baseline,
        approved_with=[
            _approved_with(scenario, form, flows[0].key, where, at),
            _approved_with(scenario, baseline.form, baseline.key, where, at) if baseline else [],
        ],
        inputs=scenario.inputs,
        defaults=dict(
            Variable.objects.filter(name__in=scenario.inputs, default__isnull=False).values_list("name", "default")
        ),
        dataset=dataset,
        since=None if dataset or not period else period.since,
        until=None if dataset or not period else period.until,
        product_code="" if dataset else where[0],
        channel_code="" if dataset else where[1],
        groups=list(groups),
        row_count=sum(chunk["row_count"] for chunk in chunks),
        chunk_count=len(chunks),
        by=by,
        created_at=at,
    )
    BacktestChunk.objects.bulk_create(
        [
            BacktestChunk(backtest=row, key=f"{row.key}-{number}", number=number, created_at=at, **chunk)
            for number, chunk in enumerate(chunks)
        ],
        batch_size=200,
    )
    for _ in range(min(LANES, len(chunks))):
        wake.wake("risk.tasks.run_backtest", backtest_id=row.pk)
    return row


def cancel(*, backtest_id: int, by: str, at: datetime) -> None:
    """No further chunk is begun; what a running one finds is not kept. Raises NotFound, Over, NotAllowed."""
    acts.require(by=by, permission=PERMISSION)
    row = Backtest.objects.select_for_update(of=("self",)).filter(pk=backtest_id).first()
    if row is None:
        raise NotFound("There is no such backtest.")
    if row.state not in OPEN:
        raise Over
    row.cancel()
    row.cancelled_by, row.finished_at, row.leased_until = by, at, None
    row.save(update_fields=["state", "cancelled_by", "finished_at", "leased_until"])


def seen(*, backtest_id: int, by: str, at: datetime) -> None:
    """Its owner has opened the result, so nobody needs to be told any more; does nothing for anybody else."""
    if not Backtest.objects.filter(pk=backtest_id, by=by).exists():
        return
    subject = f"backtest:{backtest_id}"
    notices.close_about(kinds=NOTICES, subject=subject, reason="Its owner has opened it", at=at)


def plan_of(row: Backtest) -> Plan:
    """What its chunks are tried with, loaded in this process."""
    flows = [_flow(part) for part in row.candidate]
    return Plan(
        candidate=engine.load(flows)[flows[0].key],
        baseline=releases.address(row.baseline) if row.baseline else None,
        inputs=row.inputs,
        defaults=row.defaults,
        approved_with=(row.approved_with[0], row.approved_with[1]),
    )


def rows_of(chunk: BacktestChunk) -> list[dict[str, Any]]:
    """The rows of a chunk, as a dataset keeps them. Personal data."""
    backtest = chunk.backtest
    if backtest.dataset is not None:
        rows: list[dict[str, Any]] = backtest.dataset.parts.get(number=chunk.number).rows
        return rows
    decisions = Decision.objects.filter(pk__in=chunk.decision_ids).order_by("pk")
    return list(datasets.decided(decisions, clock.business_date(backtest.created_at), datasets.MONTHS_ON_BOOK))


@dataclass(frozen=True)
class _Candidate:
    scenario: Scenario
    form: str
    name: str
    flows: Sequence[Flow]
    draft: Draft | None = None
    release: Release | None = None


def _draft(draft_id: int) -> _Candidate:
    row = Draft.objects.select_related("scenario").filter(pk=draft_id).first()
    if row is None:
        raise NotFound("There is no such draft.")
    found = drafts.working_set(row)
    if problems := found.checked():
        first = problems[0]
        told = f"{first.node} {first.field}: {first.message}".strip()
        raise CannotBeTried(told, problems=[vars(problem) for problem in problems])
    return _Candidate(row.scenario, row.form, f"{row.key}, draft {row.revision}", found.flows, draft=row)


def _release(release_id: int | None) -> _Candidate:
    row = _released(release_id)
    return _Candidate(row.scenario, row.form, str(row), releases.flows_of(row), release=row)


def _released(release_id: int | None) -> Release:
    row = Release.objects.select_related("scenario").filter(pk=release_id or 0).first()
    if row is None:
        raise NotFound("There is no such release.")
    return row


def _dataset(dataset_id: int, scenario: Scenario) -> Dataset:
    row = Dataset.objects.filter(pk=dataset_id).first()
    if row is None:
        raise NotFound("There is no such dataset.")
    if row.scenario_id not in (None, scenario.pk):
        raise OfAnotherScenario(f"{row.name} holds rows of another scenario than {scenario.code}.")
    return row


def _parts(dataset: Dataset) -> list[dict[str, Any]]:
    """Chunks by the parts of the dataset: all full but the last."""
    count, left = dataset.parts.count(), dataset.row_count
    return [{"row_count": min(datasets.PART_ROWS, left - number * datasets.PART_ROWS)} for number in range(count)]


def _decision_chunks(scenario: Scenario, period: Period | None) -> list[dict[str, Any]]:
    if period is None or period.until <= period.since:
        raise NothingToTry("Choose a dataset, or a period that ends after it begins.")
    found = Decision.objects.filter(
        scenario=scenario, step=scenario.code, decided_at__gte=period.since, decided_at__lt=period.until
    )
    if period.product_code:
        found = found.filter(assessment__application__product__code=period.product_code)
    if period.channel_code:
        found = found.filter(assessment__application__channel_code=period.channel_code)
    ids = list(found.order_by("pk").values_list("pk", flat=True)[: MAX_ROWS + 1])
    if not ids:
        raise NothingToTry(f"No decision of {scenario.code} was made in this period and scope.")
    if len(ids) > MAX_ROWS:
        raise TooManyRows
    parts = [ids[first : first + datasets.PART_ROWS] for first in range(0, len(ids), datasets.PART_ROWS)]
    return [{"decision_ids": part, "row_count": len(part)} for part in parts]


def _baseline(
    baseline_id: int | None, scenario: Scenario, key: str, form: str, where: tuple[str, str], at: datetime
) -> Release | None:
    """A part of a strategy is compared with its own former version, everything else with what decides."""
    if baseline_id is not None:
        row = _released(baseline_id)
        if row.scenario_id != scenario.pk:
            raise OfAnotherScenario(f"{row} is of {row.scenario.code}, the candidate of {scenario.code}.")
        if row.form == ReleaseForm.SCORECARD:
            raise DecidesNothing
        return row
    serving = {role: releases.serving(Scope(scenario.code, role, *where), at) for role in Binding.Role.values}
    own = [release for release in serving.values() if release and release.key == key]
    if own:
        return own[0]
    if form != ReleaseForm.FLOW and (former := releases.latest(key)):
        return former
    return serving.get(Binding.Role.DECIDE)


def _approved_with(scenario: Scenario, form: str, key: str, where: tuple[str, str], at: datetime) -> list[str]:
    """What an approval must carry: of a flow that decides, not of a part or of one that only knocks out."""
    knocks_out = releases.serving(Scope(scenario.code, Binding.Role.KNOCK_OUT, *where), at)
    if form != ReleaseForm.FLOW or (knocks_out and knocks_out.key == key):
        return []
    return list(scenario.output_schema.get("approved_with", ()))


def _flow(part: dict[str, Any]) -> Flow:
    return enveloped(key=part["key"], scenario=part["scenario"], graph=part["graph"])
