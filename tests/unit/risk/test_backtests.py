"""Backtests over workers: started, run chunk by chunk, tried again, cancelled, resumed after a kill, summed up once."""

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Q

from lending.common import work
from risk import queries, services
from risk.admin import backtest_page
from risk.models import Backtest, BacktestChunk, BacktestState, Dataset, DatasetPart, Decision, Draft, Release
from risk.services import backtest_runs, backtests, datasets, drafts, releases
from risk.services.backtests import Period
from tests.conftest import Clock
from tests.factories.staff import officer
from tests.unit.risk.conftest import Apply
from users.models import Notice
from users.services import accounts
from users.services.acts import NotAllowed

Started = Callable[..., Backtest]
STRICTER = "stricter"


@pytest.fixture
def rows(configured: None, at: datetime) -> Dataset:
    """1,000 rows of the sample: two chunks."""
    with transaction.atomic():
        return datasets.from_sample(by=officer(at), at=at)


@pytest.fixture
def start(rows: Dataset, at: datetime) -> Started:
    def begin(**asked: Any) -> Backtest:
        wanted = {"release_id": latest("credit").pk, "dataset_id": rows.pk, "groups": ["sex"]} | asked
        with transaction.atomic():
            return backtests.start(by=officer(at), at=at, **wanted)

    return begin


def latest(key: str) -> Release:
    found = releases.latest(key)
    assert found is not None
    return found


def stricter(at: datetime) -> Draft:
    """A draft of the credit flow whose grade C begins at 630 points, not at 611."""
    draft = drafts.fork(release_id=latest("credit").pk, by=officer(at), at=at)
    changed = json.loads(json.dumps(draft.authored).replace('">= 611"', '">= 630"'))
    assert changed != draft.authored
    return drafts.save(draft_id=draft.pk, revision=draft.revision, authored=changed, by=officer(at), at=at)


def finish(backtest: Backtest, at: datetime) -> Backtest:
    for _ in range(backtest.chunk_count + 1):
        backtest_runs.run_next(backtest_id=backtest.pk, now=at)
    return Backtest.objects.get(pk=backtest.pk)


@pytest.mark.django_db
class TestRun:
    def test_of_the_shipped_flow_gives_the_figures_of_the_documentation(self, start: Started, at: datetime) -> None:
        done = finish(start(), at)
        told = done.summary["candidate"]
        assert done.state == BacktestState.DONE
        assert told["outcomes"] == {"approve": 552, "refer": 108, "decline": 340, "error": 0}
        assert [(grade["grade"], grade["rows"]) for grade in told["grades"]][:3] == [("A", 219), ("B", 207), ("C", 164)]
        assert [round(grade["rate"], 3) for grade in told["grades"]][:3] == [0.050, 0.159, 0.226]
        assert round(told["quality"]["auc"], 4) == 0.7921
        assert done.summary["swaps"]["out"]["rows"] == done.summary["swaps"]["in"]["rows"] == 0
        (sexes,) = done.summary["fairness"]
        assert sexes["told"] == 1000
        notice = Notice.objects.get(kind="backtest_done")
        assert "55.2% → 55.2%" in notice.text

    def test_is_found_by_the_content_that_was_tried(self, start: Started, at: datetime) -> None:
        digest = latest("credit").closure_sha256
        first = start()
        assert first.candidate_sha256 == digest
        assert queries.backtest_for(digest) is None, "it is not done"
        finish(first, at)
        finish(start(), at)
        found = queries.backtest_for(digest)
        assert found is not None
        assert found.id > first.pk
        assert (found.approval_before, found.approval_now, found.rows) == (0.552, 0.552, 1000)

    def test_leaves_no_personal_data_in_clear(self, start: Started, at: datetime) -> None:
        finish(start(), at)
        with connection.cursor() as cursor:
            cursor.execute("SELECT c.results, b.summary FROM risk_backtestchunk c JOIN risk_backtest b ON true")
            kept = b"".join(bytes(cell) for row in cursor.fetchall() for cell in row)
        assert b"german-" not in kept
        assert b"female" not in kept

    def test_sums_up_once_and_a_late_worker_does_nothing(self, start: Started, at: datetime) -> None:
        done = finish(start(), at)
        assert not backtest_runs.run_next(backtest_id=done.pk, now=at)
        assert Notice.objects.get(kind="backtest_done").times == 1

    def test_goes_on_without_a_broker_by_the_sweep_alone(self, start: Started, at: datetime) -> None:
        backtest = start()
        assert [backtest_runs.run_due(now=at) for _ in range(4)] == [1, 1, 1, 0]
        assert Backtest.objects.get(pk=backtest.pk).state == BacktestState.DONE

    def test_keeps_some_lanes_only_of_the_workers(self, start: Started, at: datetime) -> None:
        backtest = start()
        later = at + timedelta(seconds=60)
        BacktestChunk.objects.bulk_create(
            BacktestChunk(backtest=backtest, key=f"more-{n}", number=10 + n, leased_until=later, created_at=at)
            for n in range(backtests.LANES)
        )
        assert not backtest_runs.run_next(backtest_id=backtest.pk, now=at)
        assert backtest_runs.run_next(backtest_id=backtest.pk, now=later + timedelta(seconds=1))


@pytest.mark.django_db
class TestClaim:
    def test_takes_one_chunk_whatever_the_planner_thinks_best(self, start: Started, at: datetime) -> None:
        backtest = start()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")
            cursor.execute(
                "SET LOCAL enable_hashagg = off; SET LOCAL enable_material = off; SET LOCAL enable_sort = off"
            )
            claimed = work.claim(BacktestChunk, due=Q(backtest_id=backtest.pk, state="pending"), at=at)
        assert len(claimed) == 1
        assert backtest.chunks.filter(leased_until__isnull=False).count() == 1


@pytest.mark.django_db
class TestFailures:
    def test_a_failed_chunk_is_tried_again_later_and_then_counts(self, start: Started, at: datetime) -> None:
        backtest = start()
        part = DatasetPart.objects.get(number=0)
        kept, part.rows = part.rows, [{"ref": "broken"}]
        part.save()
        backtest_runs.run_next(backtest_id=backtest.pk, now=at)
        chunk = backtest.chunks.get(number=0)
        assert (chunk.state, chunk.attempts, chunk.leased_until) == ("pending", 1, None)
        assert "KeyError" in chunk.last_error
        assert chunk.not_before > at
        part.rows = kept
        part.save()
        backtest_runs.run_next(backtest_id=backtest.pk, now=at)
        assert backtest.chunks.get(number=0).state == "pending", "not before its time"
        done = finish(backtest, at + timedelta(seconds=2))
        assert (done.state, done.summary["rows"]) == (BacktestState.DONE, 1000)

    def test_a_chunk_that_never_works_fails_the_run_with_the_reason(self, start: Started, at: datetime) -> None:
        backtest = start()
        DatasetPart.objects.filter(number=1).delete()
        for _ in range(backtest_runs.MAX_ATTEMPTS + 1):
            backtest_runs.run_next(backtest_id=backtest.pk, now=at)
            at += timedelta(minutes=5)
        failed = Backtest.objects.get(pk=backtest.pk)
        assert failed.state == BacktestState.FAILED
        assert failed.failure.startswith("Chunk 2 failed 5 times: DoesNotExist")
        assert Notice.objects.get(kind="backtest_failed").subject == f"backtest:{backtest.pk}"
        assert not backtest_runs.run_next(backtest_id=backtest.pk, now=at)

    def test_a_cancelled_run_stops_at_the_next_chunk_and_keeps_nothing_of_the_running_one(
        self, start: Started, at: datetime
    ) -> None:
        backtest = start()
        with transaction.atomic():
            running = backtest_runs._claim(backtest.pk, at)
        assert running is not None
        with transaction.atomic():
            backtests.cancel(backtest_id=backtest.pk, by=officer(at), at=at)
            backtest_runs._keep(running, [], {}, at)
        later = at + timedelta(hours=1)
        assert backtest_runs.run_due(now=later) == 0
        assert not backtest_runs.run_next(backtest_id=backtest.pk, now=later)
        row = Backtest.objects.get(pk=backtest.pk)
        assert (row.state, row.cancelled_by) == (BacktestState.CANCELLED, officer(at))
        assert set(backtest.chunks.values_list("state", flat=True)) == {"pending"}
        with pytest.raises(backtests.Over), transaction.atomic():
            backtests.cancel(backtest_id=backtest.pk, by=officer(at), at=at)

    @pytest.mark.django_db(transaction=True)
    def test_the_chunk_of_a_killed_worker_is_found_by_the_sweep(self, start: Started, at: datetime) -> None:
        backtest = start()
        connection.close()  # the child must not share it
        worker = multiprocessing.get_context("fork").Process(target=claim_and_hang, args=(backtest.pk, at))
        worker.start()
        deadline = time.monotonic() + 20
        while not backtest.chunks.filter(leased_until__isnull=False).exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
        assert backtest_runs.run_due(now=at) == 0, "its lease holds"
        late = at + timedelta(seconds=backtest_runs.LEASE_SECONDS + 1)
        assert late - at < timedelta(minutes=1)
        with transaction.atomic():
            again = backtest_runs._claim(backtest.pk, late)
        assert backtest_page.progress(Backtest.objects.get(pk=backtest.pk))["text"].endswith(
            "; 1 tried again after a failure or a dead worker"
        )
        BacktestChunk.objects.filter(pk=again).update(leased_until=None)
        assert backtest_runs.run_due(now=late) == 1
        done = finish(backtest, late)
        undisturbed = finish(start(), late)
        assert (done.state, done.summary) == (BacktestState.DONE, undisturbed.summary)
        found = [[(chunk.results, chunk.counts) for chunk in row.chunks.all()] for row in (done, undisturbed)]
        assert found[0] == found[1]

    def test_a_chunk_that_kills_its_workers_fails_the_run(self, start: Started, at: datetime) -> None:
        backtest = start()
        backtest.chunks.filter(number=0).update(attempts=backtest_runs.MAX_ATTEMPTS)
        backtest_runs.run_next(backtest_id=backtest.pk, now=at)
        assert "none came back" in Backtest.objects.get(pk=backtest.pk).failure


def claim_and_hang(backtest_id: int, at: datetime) -> None:
    connection.close()
    with transaction.atomic():
        backtest_runs._claim(backtest_id, at)
    time.sleep(60)


@pytest.mark.django_db
class TestStart:
    def test_freezes_a_draft_with_what_it_asks_and_compares_it_with_what_serves(
        self, start: Started, at: datetime
    ) -> None:
        with transaction.atomic():
            draft = stricter(at)
        backtest = start(release_id=None, draft_id=draft.pk)
        with transaction.atomic():
            drafts.save(draft_id=draft.pk, revision=draft.revision, authored={}, by=officer(at), at=at)
        assert backtest.baseline == latest("credit")
        assert {part["key"] for part in backtest.candidate} == {"credit", "credit_rules", "credit_score"}
        done = finish(backtest, at)
        assert done.state == BacktestState.DONE
        out = done.summary["swaps"]["out"]
        assert out["rows"] > 0
        assert done.totals["candidate"]["approve"] == 552 - out["rows"]

    def test_refuses_a_draft_that_would_fail_in_silence(self, start: Started, at: datetime) -> None:
        with transaction.atomic():
            draft = drafts.fork(release_id=latest("credit").pk, by=officer(at), at=at)
            graph = draft.authored
            table = next(node for node in graph["nodes"] if node["type"] == "decisionTableNode")
            column = table["content"]["inputs"][0]["id"]
            table["content"]["rules"][0][column] = "< 18)"
            drafts.save(draft_id=draft.pk, revision=draft.revision, authored=graph, by=officer(at), at=at)
        with pytest.raises(backtests.CannotBeTried) as refused:
            start(release_id=None, draft_id=draft.pk)
        assert refused.value.data["problems"][0]["code"] == "broken_cell"
        assert not Backtest.objects.exists()

    def test_refuses_a_scorecard_and_rows_of_another_scenario(self, start: Started, rows: Dataset) -> None:
        with pytest.raises(backtests.DecidesNothing):
            start(release_id=latest("credit_score").pk)
        with pytest.raises(backtests.OfAnotherScenario):
            start(release_id=latest("admission").pk)

    def test_compares_a_part_with_its_own_former_version(self, start: Started) -> None:
        assert start(release_id=latest("credit_rules").pk).baseline == latest("credit_rules")

    def test_is_for_those_who_may(self, rows: Dataset, at: datetime) -> None:
        by = f"staff:{accounts.make_staff(username='nobody', password='long enough for anybody', at=at)}"
        with pytest.raises(NotAllowed):
            backtests.start(by=by, at=at, release_id=latest("credit").pk, dataset_id=rows.pk)

    def test_takes_stored_decisions_of_a_period_and_scope(
        self, apply: Apply, at: datetime, sandbox: object, clock: Clock
    ) -> None:
        for row in (3, 34):
            services.run_assessment(assessment_id=apply(row), now=at)
        wanted: dict[str, Any] = {"release_id": latest("credit").pk, "by": officer(at), "at": at}
        day = timedelta(days=1)
        with transaction.atomic():
            backtest = backtests.start(period=Period(at - day, at + day), **wanted)
            with pytest.raises(backtests.NothingToTry):
                backtests.start(period=Period(at + day, at + 2 * day), **wanted)
            with pytest.raises(backtests.NothingToTry):
                backtests.start(period=Period(at - day, at + day, channel_code="LOANHUB"), **wanted)
        done = finish(backtest, at)
        stored = Decision.objects.filter(step="credit").order_by("pk")
        tried = [row for chunk in done.chunks.all() for row in chunk.results or []]
        assert [(row[0], row[3][0], row[3][2]) for row in tried] == [
            (str(decision.public_id), decision.outcome, decision.score) for decision in stored
        ]
        assert len(tried) == 2


@pytest.mark.django_db
class TestSeen:
    def test_its_owner_closes_the_notice_by_opening_it_and_nobody_else_does(self, start: Started, at: datetime) -> None:
        done = finish(start(), at)
        for by, left in (("staff:0", 1), (officer(at), 0)):
            with transaction.atomic():
                backtests.seen(backtest_id=done.pk, by=by, at=at)
            assert Notice.objects.filter(kind="backtest_done", closed_at=None).count() == left
