"""Send a batch of real applicants in over HTTP and print what became of them. Needs a running platform.

Who will be late comes first and alone. The one whose guarantor pays is first: the clock goes on through day close
until that instalment is 61 days past due. Then the one who is five days late and pays, and the others come on that
day. So nobody else of the batch can be late.
"""

import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, connection, transaction

import traffic.services
from lending import queries
from lending.common import clock
from lending.common.crypto import blind_index
from lending.management.demo import days, stories, table
from lending.management.demo.borrower import Borrower
from lending.management.demo.cases import COMPENSATED, OVERDUE, Ending, cure, play
from lending.management.demo.partner import BY_CHANNEL
from lending.management.demo.staff import close_desks, open_desks
from lending.models import Application, Loan, LoanStatus
from lending.sandbox.applicants import CASES, Applicant, applicant, phone_of
from lending.services import day_close, demo_clock

PAST_SIGNING = timedelta(hours=25)  # the signing lifetime, and an hour


class Command(BaseCommand):
    help = "Send N applicants in over HTTP, play reviewers, print the table. Exits 1 where one is not at rest in time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--count", type=int, default=200, help="applicants (1 to 1000)")
        parser.add_argument("--cases", action="store_true", help="only the rows with a story, whatever --count says")
        parser.add_argument("--parallel", type=int, default=16, help="borrowers at a time")
        parser.add_argument("--seconds", type=int, default=1500, help="time limit for the batch")
        parser.add_argument("--if-none", action="store_true", help="do nothing where a batch has run already")
        parser.add_argument("--url", default=f"http://127.0.0.1:{getattr(settings, 'PORT', 8000)}")

    def handle(self, *args: Any, **options: Any) -> None:
        if not getattr(settings, "DEMO_CLOCK", False):
            raise CommandError("The demo runs in development settings only: it plays borrowers and moves the clock.")
        if not 1 <= options["count"] <= 1000:
            raise CommandError("--count is 1 to 1000: one applicant for each row of the sample.")
        _check_up(options["url"])
        batch = next_batch()
        if options["if_none"] and batch:
            self.stdout.write("A batch has run already; `make demo N=200` sends another.")
            return
        begun = time.monotonic()
        rows = {row for row, _ in CASES.values()} if options["cases"] else set(range(1, options["count"] + 1))
        desks = open_desks()
        try:
            people, endings, failures = self._play(sorted(rows), batch, options, begun)
            connection.close()  # it may have died meanwhile without our noticing
            application_ids = _ids(endings)
            batch_day = clock.now()
            self._let_time_pass(endings)
            moving = self._await_rest(application_ids, begun + options["seconds"])
            told = self._await_endings(people, endings, begun + options["seconds"])
            with transaction.atomic(durable=True):
                traffic.services.settle_due(at=clock.now())
        finally:
            close_desks(desks)
        self._print(application_ids, batch, batch_day, time.monotonic() - begun)
        for line in stories.lines(told, site=options["url"], sandbox=settings.SANDBOX_URL):
            self.stdout.write(line)
        wrong = [f"row {row} stopped: {type(failure).__name__}: {failure}" for row, failure in sorted(failures.items())]
        wrong += [f"not at rest: {line}" for line in moving]
        wrong += [f"row {one.row} did not end as {one.case}: {one.trail}" for one in told if not one.ending]
        for line in wrong:
            self.stderr.write(f"  {line}")
        if wrong:
            sys.exit(1)

    def _move_to(self, opening: datetime) -> None:
        """Forward to that instant, through day close."""
        with transaction.atomic(durable=True):
            demo_clock.move_to(instant=opening)
        day_close.close(at=clock.now())
        self.stdout.write(f"  demo clock: {clock.local(clock.now()):%Y-%m-%d %H:%M}")
        time.sleep(2 * demo_clock.CACHE_SECONDS)  # every process reads the new offset before the next request

    def _play(
        self, rows: list[int], batch: int, options: dict[str, Any], begun: float
    ) -> tuple[list[Applicant], list[Ending], dict[int, BaseException]]:
        """Every borrower in a thread of their own, several at a time, with progress; the late one has begun before."""
        people: list[Applicant] = []
        jobs: dict[int, Callable[[], Ending]] = {}
        failures: dict[int, BaseException] = {}
        with (
            httpx.Client(base_url=options["url"], timeout=30, trust_env=False) as api,
            httpx.Client(base_url=settings.SANDBOX_URL, timeout=30, trust_env=False) as gateway,
        ):

            def borrower(row: int) -> Borrower:
                people.append(applicant(row, batch, clock.business_date(clock.now())))
                comes = BY_CHANNEL.get(people[-1].wish.channel, Borrower)
                return comes(api, gateway, people[-1], float(options["seconds"]))

            def alone(row: int, what: str, then: Callable[[Borrower, Ending], Ending]) -> None:
                self.stdout.write(f"  row {row} borrows, and {what}")
                who = borrower(row)
                try:
                    jobs[row] = partial(then, who, play(who))
                except Exception as failure:
                    failures[row] = failure

            if COMPENSATED in rows:
                opening = days.next_opening(clock.now())
                self._move_to(opening)
                alone(COMPENSATED, "will never pay an instalment", lambda _, ending: ending)
                self._move_to(days.claim_opening(opening))
                self._await_claims(begun + options["seconds"])
            if OVERDUE in rows:
                opening = days.opening_of_the_late(clock.now())
                self._move_to(opening)
                alone(OVERDUE, "will be late with the first instalment", cure)
                self._move_to(days.late_opening(opening))
            else:
                self._move_to(days.next_opening(clock.now()))
            for row in rows:
                if row not in (COMPENSATED, OVERDUE):
                    jobs[row] = partial(play, borrower(row))
            with ThreadPoolExecutor(options["parallel"]) as pool:
                running = {row: pool.submit(job) for row, job in jobs.items()}
                self._progress(list(running.values()), begun)
        failures |= {row: error for row, future in running.items() if (error := future.exception())}
        return people, [future.result() for future in running.values() if not future.exception()], failures

    def _await_claims(self, deadline: float) -> None:
        """Until the guarantor has paid: were the clock moved on before, it would pay for one more day."""
        dpd = int(queries.servicing("guarantee_compensation_dpd"))
        late = Loan.objects.filter(status=LoanStatus.OVERDUE, dpd__gte=dpd).exclude(guarantor_code="")
        while late.exists() and time.monotonic() < deadline:
            time.sleep(0.5)

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

    def _await_endings(self, people: list[Applicant], endings: list[Ending], deadline: float) -> list[stories.Story]:
        """A bank may return a payment that is long paid: what it has to say is told again until it arrives."""
        numbers = {ending.row: ending.application_id for ending in endings}
        told = stories.tell(people, numbers)
        while time.monotonic() < deadline and not all(one.ending for one in told if one.number):
            time.sleep(1)
            told = stories.tell(people, numbers)
        return told

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


def _check_up(url: str) -> None:
    """Raises CommandError where the platform does not answer: there is nobody to send applicants to."""
    try:
        answer = httpx.get(f"{url}/healthz", timeout=10, trust_env=False)
    except httpx.HTTPError as error:
        raise CommandError(f"Nothing answers at {url} ({type(error).__name__}). Start the platform: make run") from None
    if not answer.is_success:
        raise CommandError(f"{url}/healthz answers {answer.status_code}: {answer.text[:300]}")


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
