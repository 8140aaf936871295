"""Send a batch of real applicants in over HTTP and print what became of them. Needs a running platform."""

import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import httpx
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, connection, transaction

from lending import queries
from lending.common import clock
from lending.common.crypto import blind_index
from lending.management.demo import table
from lending.management.demo.borrower import Borrower
from lending.management.demo.cases import Ending, play
from lending.management.demo.staff import close_desks, open_desks
from lending.models import Application
from lending.sandbox.applicants import Applicant, applicant, phone_of
from lending.services import day_close, demo_clock

OPENS_AT_HOUR = 10
PAST_SIGNING = timedelta(hours=25)  # the signing lifetime, and an hour


class Command(BaseCommand):
    help = "Send N applicants in over HTTP, play reviewers, print the table. Exits 1 where one is not at rest in time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--count", type=int, default=200, help="applicants (1 to 1000)")
        parser.add_argument("--parallel", type=int, default=16, help="borrowers at a time")
        parser.add_argument("--seconds", type=int, default=1500, help="time limit for the batch")
        parser.add_argument("--if-none", action="store_true", help="do nothing where a batch has run already")
        parser.add_argument("--url", default=f"http://127.0.0.1:{getattr(settings, 'PORT', 8000)}")

    def handle(self, *args: Any, **options: Any) -> None:
        if not getattr(settings, "DEMO_CLOCK", False):
            raise CommandError("The demo runs in development settings only: it plays borrowers and moves the clock.")
        if not 1 <= options["count"] <= 1000:
            raise CommandError("--count is 1 to 1000: one applicant for each row of the sample.")
        batch = next_batch()
        if options["if_none"] and batch:
            self.stdout.write("A batch has run already; `make demo N=200` sends another.")
            return
        begun = time.monotonic()
        self._new_day()
        today = clock.business_date(clock.now())
        people = [applicant(row, batch, today) for row in range(1, options["count"] + 1)]
        desks = open_desks()
        try:
            endings, failures = self._play(people, options, begun)
            connection.close()  # it may have died meanwhile without our noticing
            application_ids = _ids(endings)
            batch_day = clock.now()
            self._let_time_pass(endings)
            moving = self._await_rest(application_ids, begun + options["seconds"])
        finally:
            close_desks(desks)
        self._print(application_ids, batch, batch_day, time.monotonic() - begun)
        for row, failure in sorted(failures.items()):
            self.stderr.write(f"  row {row} stopped: {type(failure).__name__}: {failure}")
        for line in moving:
            self.stderr.write(f"  not at rest: {line}")
        if moving or failures:
            sys.exit(1)

    def _new_day(self) -> None:
        """10:00 of the next business day, reached through day close."""
        opening = _opening_after(clock.now())
        with transaction.atomic(durable=True):
            demo_clock.move_to(instant=opening)
        day_close.close(at=clock.now())
        self.stdout.write(f"  demo clock: {clock.local(clock.now()):%Y-%m-%d %H:%M}")
        time.sleep(2 * demo_clock.CACHE_SECONDS)  # every process reads the new offset before the first request

    def _play(
        self, people: list[Applicant], options: dict[str, Any], begun: float
    ) -> tuple[list[Ending], dict[int, BaseException]]:
        """Every borrower in a thread of their own, several at a time, with progress."""
        patience = float(options["seconds"])
        running: dict[int, Future[Ending]] = {}
        with (
            httpx.Client(base_url=options["url"], timeout=30, trust_env=False) as api,
            httpx.Client(base_url=settings.SANDBOX_URL, timeout=30, trust_env=False) as gateway,
            ThreadPoolExecutor(options["parallel"]) as pool,
        ):
            for person in people:
                running[person.row] = pool.submit(play, Borrower(api, gateway, person, patience))
            self._progress(list(running.values()), begun)
        failures = {row: f.exception() for row, f in running.items() if f.exception()}
        endings = [f.result() for f in running.values() if not f.exception()]
        return endings, {row: failure for row, failure in failures.items() if failure}

    def _progress(self, running: list[Future[Ending]], begun: float) -> None:
        said = -1
        while True:
            done = sum(future.done() for future in running)
            if done != said and (done == len(running) or done % 10 == 0 or sys.stdout.isatty()):
                said = done
                end = "\r" if sys.stdout.isatty() and done < len(running) else "\n"
                self.stdout.write(
                    f"  {done:>4} of {len(running)} applicants, {time.monotonic() - begun:4.0f} s", ending=end
                )
                self.stdout.flush()
            if done == len(running):
                return
            time.sleep(0.5)

    def _let_time_pass(self, endings: list[Ending]) -> None:
        """Those who never sign rest only once their offer to sign has run out."""
        if any(ending.waits for ending in endings):
            with transaction.atomic(durable=True):
                demo_clock.move_to(instant=clock.now() + PAST_SIGNING)
            day_close.close(at=clock.now())

    def _await_rest(self, application_ids: list[int], deadline: float) -> list[str]:
        moving = ["nothing could be read"]
        while time.monotonic() < deadline:
            try:
                moving = table.not_at_rest(application_ids)
            except (OperationalError, InterfaceError):
                connection.close()  # the database is being restarted
            if not moving:
                return []
            time.sleep(1)
        return moving

    def _print(self, application_ids: list[int], batch: int, batch_day: datetime, seconds: float) -> None:
        self.stdout.write(f"\n  Batch {batch + 1}: {len(application_ids)} applications in {seconds:.0f} s")
        for line in table.lines(application_ids, batch_day):
            self.stdout.write(line)
        connection.close()


def next_batch() -> int:
    """The first batch whose identities nobody has used yet."""
    users = get_user_model().objects
    batch = 0
    while users.filter(phone_index=blind_index(phone_of(1, batch), "phone")).exists():
        batch += 1
    return batch


def _ids(endings: list[Ending]) -> list[int]:
    public_ids = [ending.application_id for ending in endings]
    return list(Application.objects.filter(public_id__in=public_ids).values_list("pk", flat=True))


def _opening_after(at: datetime) -> datetime:
    local = clock.local(at)
    opening = local.replace(hour=OPENS_AT_HOUR, minute=0, second=0, microsecond=0)
    while opening <= local or not queries.is_workday(opening.date()):
        opening += timedelta(days=1)
    return opening
