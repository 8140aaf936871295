"""`manage.py bench_pulls`: whole assessments with six vendors of 100 to 300 ms, beside plain asyncio and a chord.

Ours: one process, the threads of a worker, `run_assessment` from claim to verdict with everything it writes: lease,
six pulls, three decisions, the application's verdict, event and message. The vendors are one stage, because p50 beside
the slowest of them has a meaning only then; they answer from a process of their own, the same for all.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from lending.common import clock
from lending.management import bench_chord, bench_people
from lending.management.bench_database import own_database
from lending.management.bench_vendors import LATENCY_MS
from risk import services as risk

RATIO, UNLOADED_MS, CHORD_RATIO = 0.4, 50, 150
VENDORS = Path(bench_people.__file__).with_name("bench_vendors.py")
Assessment, DataPull, Source, Scenario, Variable = (
    apps.get_model(name)
    for name in ("risk.Assessment", "risk.DataPull", "users.Source", "risk.Scenario", "risk.Variable")
)


class Command(BaseCommand):
    help = "Measures assessments with six slow vendors beside two peers; exits 1 where a target is missed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--applications", type=int, default=300, help="in a round")
        parser.add_argument("--rounds", type=int, default=2, help="of ours and plain asyncio in turns; the best counts")
        parser.add_argument("--threads", type=int, default=32, help="of the worker; as many at once of plain asyncio")
        parser.add_argument("--chords", type=int, default=20, help="applications through Celery prefork; 0: not at all")

    def handle(self, *args: Any, **options: Any) -> None:
        count, rounds, threads = options["applications"], options["rounds"], options["threads"]
        with own_database(), _vendors() as port:
            call_command("bootstrap", verbosity=0)
            _one_stage(port)
            waiting = bench_people.assessments(threads + 20 + rounds * count, at=clock.now())
            _all(waiting[:threads], threads)  # plans, connections, caches
            alone = sorted(_each(waiting[threads : threads + 20]))
            ours, plain = [], []
            for number in range(rounds):
                begin = threads + 20 + number * count
                ours.append(count / _all(waiting[begin : begin + count], threads))
                plain.append(count / _plain(port, count, threads))
            chords = _chords(port, options["chords"]) if options["chords"] else None
            undone = Assessment.objects.filter(pk__in=waiting).exclude(state="done").count()
            undone += len(waiting) * len(LATENCY_MS) - DataPull.objects.filter(state="answered").count()
        self._tell(alone, max(ours), max(plain), chords, undone)

    def _tell(self, alone: list[float], ours: float, plain: float, chords: float | None, undone: int) -> None:
        slowest = max(LATENCY_MS.values())
        over = median(alone) * 1000 - slowest
        self.stdout.write(f"  one at a time: p50 {median(alone) * 1e3:.0f} ms, fastest {alone[0] * 1e3:.0f} ms")
        self.stdout.write(f"     {over:.0f} ms above the slowest vendor's {slowest} ms (target at most {UNLOADED_MS})")
        self.stdout.write(f"  ours {ours:.1f} decided a second; plain asyncio {plain:.1f} pulled a second")
        self.stdout.write(f"     ratio {ours / plain:.2f} (target at least {RATIO})")
        wrong = [f"{undone} assessments or pulls without an end or answer"] if undone else []
        wrong += [f"p50 {over:.0f} ms above the slowest vendor"] if over > UNLOADED_MS else []
        wrong += [f"ratio {ours / plain:.2f}"] if ours / plain < RATIO else []
        if chords is not None:
            self.stdout.write(f"  Celery prefork, a chord of six: {chords * 60:.0f} pulled a minute")
            self.stdout.write(
                f"     ours {ours / chords:.1f} × that (target at least {CHORD_RATIO}; not held against it)"
            )
        if wrong:
            raise CommandError("; ".join(wrong))


@contextmanager
def _vendors() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-I", str(VENDORS), "serve"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None  # noqa: S101  asked for above
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def _one_stage(port: int) -> None:
    """Six sources, all asked for the first scenario; the later ones find their answers."""
    Source.objects.exclude(code__in=LATENCY_MS).filter(scenario__in=("antifraud", "credit")).update(enabled=False)
    for code in LATENCY_MS:
        Source.objects.filter(code=code).update(stage=1, timeout_ms=30_000, endpoint=f"http://127.0.0.1:{port}/{code}")
    first = Scenario.objects.get(code="admission")
    names = Variable.objects.filter(source__in=LATENCY_MS).values_list("name", flat=True)
    first.inputs = [*first.inputs, *names]
    first.save(update_fields=["inputs"])


def _each(ids: list[int]) -> list[float]:
    """Seconds of each, one at a time."""
    taken, now = [], clock.now()  # read once: only the demo's clock asks the database
    for assessment_id in ids:
        started = time.perf_counter()
        risk.run_assessment(assessment_id=assessment_id, now=now)
        taken.append(time.perf_counter() - started)
    return taken


def _all(ids: list[int], threads: int) -> float:
    """Seconds of all, on so many threads that have their connections already."""
    ready, now = threading.Barrier(threads + 1), clock.now()

    def connected() -> None:
        connection.ensure_connection()
        ready.wait()

    with ThreadPoolExecutor(threads) as pool:
        greeted = [pool.submit(connected) for _ in range(threads)]
        ready.wait()
        for each in greeted:
            each.result()
        started = time.perf_counter()
        runs = [pool.submit(risk.run_assessment, assessment_id=each, now=now) for each in ids]
        for run in runs:
            run.result()
        taken = time.perf_counter() - started
        for _ in range(threads):
            pool.submit(_closed, ready)
        ready.wait()
    return taken


def _closed(ready: threading.Barrier) -> None:
    connection.close()
    ready.wait()


def _plain(port: int, count: int, at_once: int) -> float:
    command = [sys.executable, "-I", str(VENDORS), "ask", str(port), str(count), str(at_once)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _chords(port: int, count: int) -> float:
    """Applications a second through a prefork worker with a process a core."""
    environment = os.environ | {"BENCH_BROKER": settings.REDIS_URL}
    bench_chord.app.conf.update(broker_url=settings.REDIS_URL, result_backend=settings.REDIS_URL)
    command = [sys.executable, "-m", "celery", "-A", "lending.management.bench_chord", "worker"]
    command += ["--pool", "prefork", "--loglevel", "error", "--without-gossip", "--without-mingle", "-Q", "bench"]
    urls = [f"http://127.0.0.1:{port}/{code}" for code in LATENCY_MS]
    worker = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        bench_chord.ask(urls, "warm").get(timeout=120)
        started = time.perf_counter()
        for result in [bench_chord.ask(urls, f"chord-{number}") for number in range(count)]:
            result.get(timeout=600)
        return count / (time.perf_counter() - started)
    finally:
        worker.terminate()
        worker.wait()
