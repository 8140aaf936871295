"""`manage.py bench_backtest`: a backtest of many rows, run by several processes as workers run it, then deleted.

The rows are the German Credit sample, over and over under new names. The shipped credit flow is put beside the rules
that knock out before it, so that every row is evaluated twice.
"""

import multiprocessing
import time
from itertools import cycle, islice
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections, transaction

from lending.common import clock
from risk.rules import strategy, tabular, tryout
from risk.services import backtest_runs, backtests, datasets, releases


class Command(BaseCommand):
    help = "Runs a backtest of many rows over processes of its own and prints rows per second. Development only."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rows", type=int, default=100_000, help="at most 200,000")
        parser.add_argument("--processes", type=int, default=2)

    def handle(self, *args: Any, **options: Any) -> None:
        if not getattr(settings, "DEMO_CLOCK", False):
            raise CommandError("This fills the database for a while: development settings only.")
        candidate, baseline = releases.latest("credit"), releases.latest("credit_rules")
        if candidate is None or baseline is None:
            raise CommandError("No release: run `manage.py bootstrap` first.")
        with transaction.atomic(durable=True):
            rows = datasets.import_csv(
                name="bench", scenario="credit", content=_csv(options["rows"]), by="system", at=clock.now()
            )
            backtest = backtests.start(
                release_id=candidate.pk,
                baseline_id=baseline.pk,
                dataset_id=rows.pk,
                groups=tryout.GROUPS,
                by="system",
                at=clock.now(),
            )
        try:
            started = time.monotonic()
            self._run(backtest.pk, options["processes"])
            seconds = time.monotonic() - started
            backtest.refresh_from_db()
            self.stdout.write(
                f"{rows.row_count:,} rows twice over {options['processes']} processes: {backtest.state} after "
                f"{seconds:.1f} s, {rows.row_count / seconds:,.0f} rows/s; {backtest.totals}"
            )
        finally:
            backtest.delete()
            rows.delete()

    def _run(self, backtest_id: int, processes: int) -> None:
        connections.close_all()  # no child may share them
        context = multiprocessing.get_context("fork")
        workers = [context.Process(target=_work, args=(backtest_id,)) for _ in range(processes)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
            if worker.exitcode:
                self.stderr.write(f"a process ended with {worker.exitcode}")
        _work(backtest_id)  # sums up where the last two chunks ended together


def _work(backtest_id: int) -> None:
    while backtest_runs.run_next(backtest_id=backtest_id, now=clock.now()):
        pass


def _csv(count: int) -> bytes:
    sample = tryout.sample_rows()
    rows = [row | {"ref": str(number)} for number, row in enumerate(islice(cycle(sample), count))]
    variables = [name for name in strategy.scenarios()["credit"]["inputs"] if name in rows[0]["inputs"]]
    return "".join(tabular.write(variables=variables, groups=tryout.GROUPS, rows=rows)).encode()
