"""`manage.py bench_claim`: the next case, claimed by our service and in two statements with SKIP LOCKED, by 32 at once.

Both find a case by the same words, by a plan that may not sort, and keep the same row of what was done; what differs is
the way there and back. What the service also has is a prepared statement; a third way has that in two statements.
In a database of its own, which is made, filled with committed rows, and dropped again.
"""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from unittest.mock import patch

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction

from lending.common import clock, prepared
from lending.management.bench_database import own_database
from lending.management.bench_rows import Case, add_cases
from lending.management.commands.bench_lists import fill
from review import services
from review.services import reviewers
from users.services import accounts

TARGET = 1.7
WORKERS = 32
WARM = 6  # claims of a connection before those that count: Postgres settles on a plan at the sixth
PASSWORD = "bench only, dropped with its database"  # noqa: S105
SKILLS = ("std", "fraud", "biz", "call")

CLAIM_IT = """
WITH claimed AS (
    UPDATE review_case SET status = replace(status, 'WAITING', 'IN'), claimed_by_id = %(by)s,
        leased_until = %(until)s, slot = %(slot)s, held_for_id = NULL, held_until = NULL
    WHERE id = %(case)s RETURNING id, status
)
INSERT INTO review_caseaction
    (case_id, action, actor, occurred_at, source, target, outcome, reasons, note, changes)
SELECT id, 'claim', %(actor)s::text, %(at)s::timestamptz, 'WAITING' || substr(status, 3), status, '', '{}', '', '{}'
FROM claimed
RETURNING case_id
"""
# Between two claims, not measured: the reviewer's five places are free again.
CLOSE = """
UPDATE review_case SET status = 'CLOSED', outcome = 'void', closed_at = %s, claimed_by_id = NULL, leased_until = NULL,
    slot = NULL WHERE id = %s
"""
OURS, PEER = "claim_next", "two statements"
NO_SORT = "SET LOCAL enable_sort = off; "
Claim = Callable[[dict[str, Any]], int | None]


@dataclass
class Race:
    """What one way of claiming came to: seconds of each claim, the cases by worker, and the whole race in seconds."""

    seconds: list[float] = field(default_factory=list)
    got: dict[int, list[int]] = field(default_factory=dict)
    whole: float = 0.0

    @property
    def doubles(self) -> int:
        return sum(count - 1 for count in Counter(case for cases in self.got.values() for case in cases).values())


class Command(BaseCommand):
    help = "Measures the claim of the next case beside two statements; exits 1 under the target or at a double claim."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--cases", type=int, default=200_000, help="rows, nine of a hundred waiting")
        parser.add_argument("--claims", type=int, default=20, help="of each of 32 workers in a race")
        parser.add_argument("--rounds", type=int, default=5, help="races of each kind, in turns; the median counts")

    def handle(self, *args: Any, **options: Any) -> None:
        with own_database():
            wrong = self._measure(**{name: options[name] for name in ("cases", "claims", "rounds")})
        if wrong:
            raise CommandError("; ".join(wrong))

    def _measure(self, cases: int, claims: int, rounds: int) -> list[str]:
        at = clock.now()
        call_command("bootstrap", verbosity=0)
        with transaction.atomic():
            users_from = fill(cases, at=at, events=False)
            made = add_cases(at=at, user_ids_from=users_from)
        desks = _hire(WORKERS)
        waiting = Case.objects.filter(status="WAITING_INITIAL").count()
        self.stdout.write(f"  {made:,} cases, {waiting:,} wait")
        ours, params = _our_statement(desks[0])
        finding = _finding(ours)
        ways: dict[str, Claim] = {
            OURS: _ours,
            PEER: _twice(lambda db, values: db.execute(NO_SORT + finding, values)),
            "two, both prepared": _twice(
                lambda db, values: prepared.execute(db, finding, values, planner=["enable_sort = off"]),
                prepared.execute,
            ),
        }
        needed = len(ways) * (
            2 * (WARM + 5) + rounds * (2 * WARM + 10 * claims + (WORKERS - 1) * WARM + WORKERS * claims)
        )
        if waiting < needed:
            raise CommandError(f"{waiting:,} cases wait and {needed:,} claims would be made: raise --cases.")
        for way in ways.values():
            _race(way, params, desks[:2], 5)  # plans and caches
        found: dict[tuple[str, int], list[Race]] = {}
        for workers in (1, WORKERS):
            for _ in range(rounds):
                for name, way in ways.items():
                    count = claims * 10 if workers == 1 else claims
                    found.setdefault((name, workers), []).append(_race(way, params, desks[:workers], count))
        return self._tell(found, claims)

    def _tell(self, found: dict[tuple[str, int], list[Race]], claims: int) -> list[str]:
        wrong = []
        for workers in (1, WORKERS):
            rates, singles = {}, {}
            for name in dict.fromkeys(name for name, _ in found):
                races = found[name, workers]
                rates[name] = median(sum(map(len, race.got.values())) / race.whole for race in races)
                singles[name] = median(second for race in races for second in race.seconds)
                slowest = max(max(race.seconds) for race in races)
                self.stdout.write(
                    f"  {workers:>2} at a time, {name:<22} {rates[name]:>8,.0f} claims/s, "
                    f"median {singles[name] * 1e3:6.2f} ms, slowest {slowest * 1e3:7.1f} ms"
                )
                doubles = sum(race.doubles for race in races)
                starved = sum(len(cases) < claims for race in races for cases in race.got.values())
                if doubles or starved:
                    wrong.append(f"{name}, {workers} at a time: {doubles} doubles, {starved} starved")
            ratio = rates[OURS] / rates[PEER]
            others = ", ".join(
                f"{rates[OURS] / rates[name]:.2f} to {name}" for name in rates if name not in (OURS, PEER)
            )
            self.stdout.write(f"     ratio {ratio:.2f} to {PEER} (target {TARGET:g}), {others}")
            if workers == WORKERS and ratio < TARGET:
                wrong.append(f"ratio {ratio:.2f}")
        run = sum(map(len, found.values()))
        self.stdout.write(f"  in {run} races: {'; '.join(wrong) or 'no case claimed twice, nobody starved'}")
        return wrong


def _hire(count: int) -> list[int]:
    found = []
    with transaction.atomic():
        for number in range(count):
            user_id = accounts.make_staff(
                username=f"bench.{number}", password=PASSWORD, groups=["initial_reviewer"], at=clock.now()
            )
            reviewers.appoint(user_id=user_id, level=1, skills=SKILLS)
            found.append(user_id)
    return found


def _our_statement(by_id: int) -> tuple[str, dict[str, Any]]:
    """The statement that the service runs, and its parameters, as they reach the database."""
    seen: list[tuple[str, dict[str, Any]]] = []
    execute = prepared.execute

    def listen(cursor: Any, sql: str, values: Any, **options: Any) -> None:
        seen.append((sql, values))
        execute(cursor, sql, values, **options)

    with transaction.atomic(), patch.object(prepared, "execute", listen):
        if services.claim_next(by_id=by_id, at=clock.now()) is None:
            raise CommandError("Nothing waits for a new reviewer.")
        transaction.set_rollback(True)
    return seen[0]


def _finding(ours: str) -> str:
    """The first of the two statements: ours up to the row it locks, and the place that is free."""
    head, rest = ours.split("claimed AS (", 1)
    if "chosen AS" not in head:
        select = re.search(r"\(\s*(SELECT c\.id.*?SKIP LOCKED)\s*\)", rest, re.DOTALL)
        if select is None:
            raise CommandError("The claim is no longer a SELECT … SKIP LOCKED: write its peer anew.")
        head += f"chosen AS ({select[1]}),"
    return head.rstrip().rstrip(",") + " SELECT chosen.id, free.slot FROM chosen CROSS JOIN free"  # noqa: S608


def _ours(values: dict[str, Any]) -> int | None:
    """As the desk's button: the service in a transaction of its door."""
    with transaction.atomic(durable=True):
        return services.claim_next(by_id=values["by"], at=values["at"])


def _twice(find: Callable[..., Any], claim_it: Callable[..., Any] | None = None) -> Claim:
    def claim(values: dict[str, Any]) -> int | None:
        with transaction.atomic(), connection.cursor() as db:
            find(db, values)
            row = db.fetchone()
            if row is None:
                return None
            taken = values | {"case": row[0], "slot": row[1]}
            if claim_it is None:
                db.execute(CLAIM_IT, taken)
            else:
                claim_it(db, CLAIM_IT, taken)
            return int(db.fetchone()[0])

    return claim


def _race(claim: Claim, params: dict[str, Any], desks: list[int], claims: int) -> Race:
    """Every desk claims so many cases, closing each before the next one; all begin together, on connections that have
    claimed before, as those of a web server have."""
    race, ready = Race(), threading.Barrier(len(desks) + 1)
    lock = threading.Lock()

    def work(by_id: int) -> None:
        values = params | {"by": by_id, "actor": f"staff:{by_id}"}
        seconds, got = [], []
        with connection.cursor() as db:
            db.execute("SET synchronous_commit = off")  # the disk's flush, the same for all, would hide the rest
        try:
            for number in range(WARM + claims):
                if number == WARM:
                    ready.wait()
                begun = time.perf_counter()
                case_id = claim(values)
                if case_id is None:  # told as starved
                    break
                if number >= WARM:
                    seconds.append(time.perf_counter() - begun)
                    got.append(case_id)
                with connection.cursor() as db:
                    db.execute(CLOSE, [values["at"], case_id])
        except BaseException:
            ready.abort()  # or the others would wait for ever
            raise
        finally:
            with lock:
                race.seconds += seconds
                race.got[by_id] = got
            connection.close()

    threads = [threading.Thread(target=work, args=(by_id,)) for by_id in desks]
    for thread in threads:
        thread.start()
    ready.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    race.whole = time.perf_counter() - begun
    return race
