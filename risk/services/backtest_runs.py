"""The run of a backtest: chunk by chunk, each claimed by one worker, tried again where it failed, summed up at the end.

A worker that dies keeps its chunk until the lease is over; the sweep then finds it. A chunk may be run twice and says
the same both times. `run_*` open their own short transactions: nothing is evaluated inside one.
"""

import logging
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from lending.common import wake, work
from risk.models import Backtest, BacktestChunk, BacktestState, ChunkState
from risk.rules import trials
from risk.rules.backtesting import BASELINE, CANDIDATE, Summary, Tally
from risk.rules.trials import ERROR
from risk.services import backtests
from risk.services.backtests import LANES, OPEN
from users import queries as users
from users.models import Severity
from users.services import notices

logger = logging.getLogger(__name__)

LEASE_SECONDS = 30  # of a chunk of 500 rows, which takes a second; one that takes longer is run twice and kept once
SUM_UP_SECONDS = 60  # of 200,000 rows at the most, which take some seconds
MAX_ATTEMPTS = 5

_open_chunks = BacktestChunk.objects.filter(backtest=OuterRef("pk"), state=ChunkState.PENDING)


def run_next(*, backtest_id: int, now: datetime) -> bool:
    """Run one chunk that is due, or sum up where none is left; whether there was anything to do.

    Wakes the next one after itself, so that LANES of them run side by side over all workers.
    """
    with transaction.atomic(durable=True):
        chunk_id = _claim(backtest_id, now)
    if chunk_id is None:
        return _sum_up(backtest_id, now)
    chunk = BacktestChunk.objects.select_related(
        "backtest__baseline__scenario", "backtest__dataset", "backtest__scenario"
    ).get(pk=chunk_id)
    try:
        if chunk.attempts > MAX_ATTEMPTS:
            raise RuntimeError(f"{MAX_ATTEMPTS} workers began it and none came back")
        tried, counts = trials.run(backtests.rows_of(chunk), backtests.plan_of(chunk.backtest))
    except Exception as error:
        logger.exception("chunk of a backtest failed", extra={"backtest_id": backtest_id, "chunk_id": chunk_id})
        with transaction.atomic(durable=True):
            _put_off(chunk_id, error, now)
    else:
        with transaction.atomic(durable=True):
            _keep(chunk_id, tried, counts, now)
    return True


def run_due(*, now: datetime) -> int:
    """What nobody is running: takes one chunk of each such backtest, and wakes others for the rest."""
    leased = BacktestChunk.objects.filter(backtest=OuterRef("pk"), state=ChunkState.PENDING, leased_until__gte=now)
    idle = Backtest.objects.filter(~Exists(leased), state__in=OPEN).filter(
        Q(leased_until=None) | Q(leased_until__lt=now)
    )
    run = 0
    for pk in idle.order_by("pk").values_list("pk", flat=True):
        for _ in range(LANES - 1):
            wake.wake("risk.tasks.run_backtest", backtest_id=pk)
        run += run_next(backtest_id=pk, now=now)
    return run


def _claim(backtest_id: int, at: datetime) -> int | None:
    mine = Q(backtest_id=backtest_id, state=ChunkState.PENDING)
    if BacktestChunk.objects.filter(mine, leased_until__gte=at).count() >= LANES:
        return None
    still_open = Backtest.objects.filter(pk=backtest_id, state__in=OPEN)
    due = mine & Q(backtest__in=still_open.values("pk"))
    claimed = work.claim(BacktestChunk, due=due, at=at, lease_seconds=LEASE_SECONDS)
    if not claimed:
        return None
    if still_open.filter(state=BacktestState.PENDING).exists():
        row = Backtest.objects.select_for_update(of=("self",)).get(pk=backtest_id)
        if row.state == BacktestState.PENDING:
            row.begin()
            row.begun_at = at
            row.save(update_fields=["state", "begun_at"])
    return claimed[0]


def _keep(chunk_id: int, tried: list[trials.Tried], counts: dict[str, Any], at: datetime) -> None:
    """What the chunk found, unless the run is over or another worker was quicker."""
    chunk = BacktestChunk.objects.select_for_update(of=("self",)).get(pk=chunk_id)
    backtest = Backtest.objects.only("state").get(pk=chunk.backtest_id)
    if chunk.state != ChunkState.PENDING or backtest.state not in OPEN:
        return
    chunk.finish()
    chunk.results, chunk.counts, chunk.row_count = tried, counts, len(tried)
    chunk.error_count = sum(row[3][0] == ERROR for row in tried)
    chunk.finished_at, chunk.leased_until, chunk.last_error = at, None, ""
    chunk.save()
    wake.wake("risk.tasks.run_backtest", backtest_id=chunk.backtest_id)


def _put_off(chunk_id: int, error: Exception, at: datetime) -> None:
    """Later, longer each time; after MAX_ATTEMPTS the run fails with the reason."""
    chunk = BacktestChunk.objects.select_for_update(of=("self",)).get(pk=chunk_id)
    if chunk.state != ChunkState.PENDING:
        return
    chunk.leased_until, chunk.not_before = None, at + work.back_off(chunk.attempts)
    chunk.last_error = f"{type(error).__name__}: {error}"[:300]
    if chunk.attempts >= MAX_ATTEMPTS:
        chunk.fail()
        chunk.finished_at = at
        _fail(chunk.backtest_id, f"Chunk {chunk.number + 1} failed {chunk.attempts} times: {chunk.last_error}", at)
    chunk.save()


def _sum_up(backtest_id: int, now: datetime) -> bool:
    """Once: where every chunk is done. Whether it was tried."""
    due = Q(~Exists(_open_chunks), state=BacktestState.RUNNING)
    with transaction.atomic(durable=True):
        claimed = work.claim(Backtest, due=due, at=now, lease_seconds=SUM_UP_SECONDS, pk=backtest_id)
    if not claimed:
        return False
    try:
        summary = summary_of(Backtest.objects.get(pk=backtest_id))
    except Exception as error:
        logger.exception("summary of a backtest failed", extra={"backtest_id": backtest_id})
        with transaction.atomic(durable=True):
            _put_off_summary(backtest_id, error, now)
    else:
        with transaction.atomic(durable=True):
            _finish(backtest_id, summary, now)
    return True


def summary_of(backtest: Backtest) -> Summary:
    """Over all chunks, in order and one at a time in memory."""
    tally = Tally(backtest.groups)
    for chunk in backtest.chunks.order_by("number").iterator(chunk_size=20):
        tally.add(chunk.results or [], chunk.counts)
    return tally.summary()


def _finish(backtest_id: int, summary: Summary, at: datetime) -> None:
    row = _locked(backtest_id)
    if row.state != BacktestState.RUNNING:
        return
    row.finish()
    row.summary, row.row_count = summary, summary["rows"]
    row.totals = {side: summary[side]["outcomes"] for side in (CANDIDATE, BASELINE) if summary[side]}
    row.finished_at, row.leased_until = at, None
    row.save()
    rates = [f"{summary[side]['rates']['approve']:.1%}" for side in (BASELINE, CANDIDATE) if summary[side]]
    notices.raise_notice(
        kind="backtest_done",
        subject=f"backtest:{row.pk}",
        text=f"{_whose(row)} approves {' → '.join(rates)} of {row.row_count:,} rows.",
        severity=Severity.INFO,
        at=at,
    )


def _put_off_summary(backtest_id: int, error: Exception, at: datetime) -> None:
    row = _locked(backtest_id)
    if row.state != BacktestState.RUNNING:
        return
    row.leased_until, row.not_before = None, at + work.back_off(row.attempts)
    row.save(update_fields=["leased_until", "not_before"])
    if row.attempts >= MAX_ATTEMPTS:
        _fail(backtest_id, f"It could not be summed up: {type(error).__name__}: {error}", at)


def _fail(backtest_id: int, reason: str, at: datetime) -> None:
    row = _locked(backtest_id)
    if row.state not in OPEN:
        return
    row.fail()
    row.failure, row.finished_at, row.leased_until = reason[:300], at, None
    row.save(update_fields=["state", "failure", "finished_at", "leased_until"])
    notices.raise_notice(
        kind="backtest_failed", subject=f"backtest:{row.pk}", text=f"{_whose(row)} failed. {row.failure}", at=at
    )


def _whose(row: Backtest) -> str:
    return f"{users.actor_name(row.by)}'s backtest of {row}"


def _locked(backtest_id: int) -> Backtest:
    rows = Backtest.objects.select_related("scenario", "dataset").select_for_update(of=("self",))
    return rows.get(pk=backtest_id)
