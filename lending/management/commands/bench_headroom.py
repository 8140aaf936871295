"""`manage.py bench_headroom`: a funder's headroom reserved by our service, and by SELECT … FOR UPDATE, by 32 at once.

All ways move the same rows (outstanding, month, day, borrower, guarantor) and keep the same row of the ledger, for
drawdowns of many borrowers on one programme: its rows are hot. Then 200 at the same moment ask for more than is left.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.db.models import Model

from funding.services import headroom
from lending.common import clock
from lending.management.bench_database import own_database
from lending.management.commands.bench_lists import BORROWERS, PHONE
from lending.models import Product
from users.services import accounts

TARGET = 1.7
WORKERS, AT_ONCE = 32, 200
WARM = 6  # reservations of a connection before those that count: Postgres settles on a plan at the sixth
PROGRAMME, LARGE = "LJB-G", 10**15  # it has a guarantor: the longest way
AMOUNT, LEFT = 370_000, 10_000_000  # 27 of them are left
Programme, Guarantor, Reservation = (
    apps.get_model("funding", name) for name in ("Programme", "Guarantor", "Reservation")
)
ROWS: dict[str, Any] = {
    name: apps.get_model("funding", f"Headroom{name}") for name in ("Total", "Month", "Day", "Borrower", "Guarantor")
}

# Who a reservation is for is all that one asks of a drawdown: its grant, card and consents are nobody's here.
DRAWDOWNS = """
INSERT INTO lending_drawdown (public_id, grant_id, user_id, product_id, status, amount_cents, months, method,
    annual_rate, irr12, xirr, ceiling_xirr, purpose, card_id, consent_id, bureau_consent_id, candidates, funder_code,
    guarantor_code, guarantee_rate, mode, contract_set_sha256, reasons, confirmed_at, status_at)
SELECT gen_random_uuid(), 0, id, %(product)s, 'ROUTING', %(amount)s, 12, 'equal_instalment', 0.144, 0.144, 0.154, 0.24,
    'education', 0, 0, 0, '{}', '', '', 0, '', '', '{}', %(at)s, %(at)s
FROM users_user WHERE phone_index LIKE 'bench-%%' RETURNING id, user_id
"""

FOUND = """
SELECT t.id, m.id, d.id, b.id, g.id,
    t.reserved_cents + t.committed_cents + %(amount)s <= p.cap_outstanding_cents,
    m.reserved_cents + m.committed_cents + %(amount)s <= m.cap_cents,
    d.reserved_cents + d.committed_cents + %(amount)s <= d.cap_cents,
    b.reserved_cents + b.committed_cents + %(amount)s <= p.per_borrower_cents,
    g.reserved_cents + g.committed_cents + %(amount)s <= trunc(c.net_capital_cents * c.leverage_max)
FROM funding_programme p
JOIN lending_drawdown x ON x.id = %(drawdown)s
JOIN funding_guarantor c ON c.code = p.guarantor_id
JOIN funding_headroomtotal t ON t.programme_id = p.code
JOIN funding_headroommonth m ON m.programme_id = p.code AND m.month = %(month)s
JOIN funding_headroomday d ON d.programme_id = p.code AND d.business_date = %(day)s
JOIN funding_headroomborrower b ON b.programme_id = p.code AND b.user_id = x.user_id
JOIN funding_headroomguarantor g ON g.guarantor_id = c.code
WHERE p.code = %(programme)s FOR UPDATE OF t, m, d, b, g
"""
TAKEN = """
WITH t AS (UPDATE funding_headroomtotal SET reserved_cents = reserved_cents + %(amount)s WHERE id = %(t)s),
m AS (UPDATE funding_headroommonth SET reserved_cents = reserved_cents + %(amount)s WHERE id = %(m)s),
d AS (UPDATE funding_headroomday SET reserved_cents = reserved_cents + %(amount)s WHERE id = %(d)s),
b AS (UPDATE funding_headroomborrower SET reserved_cents = reserved_cents + %(amount)s WHERE id = %(b)s),
g AS (UPDATE funding_headroomguarantor SET reserved_cents = reserved_cents + %(amount)s WHERE id = %(g)s)
INSERT INTO funding_reservation (kind, programme_id, business_date, drawdown_id, guarantor_id, amount_cents, at)
SELECT 'reserve', code, %(day)s, %(drawdown)s, guarantor_id, %(amount)s, %(at)s
FROM funding_programme WHERE code = %(programme)s RETURNING id
"""

OURS, PEER, TIGHT = "reserve", "SELECT … FOR UPDATE", "the same in two statements"
Drawdown = tuple[int, int]  # its id, and its borrower's
Reserve = Callable[[Drawdown, datetime], int | None]


@dataclass
class Race:
    """What one way of reserving came to: seconds of each, and of all; how many got something."""

    seconds: list[float]
    whole: float
    got: int


class Command(BaseCommand):
    help = "Measures reservations of headroom beside SELECT FOR UPDATE; exits 1 under the target or over a cap."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reservations", type=int, default=40, help="of each of 32 workers in a race")
        parser.add_argument("--rounds", type=int, default=5, help="races of each kind, in turns; the median counts")

    def handle(self, *args: Any, **options: Any) -> None:
        with own_database():
            call_command("bootstrap", verbosity=0)
            wrong = self.measure(reservations=options["reservations"], rounds=options["rounds"])
        if wrong:
            raise CommandError("; ".join(wrong))

    def measure(self, *, reservations: int, rounds: int, workers: int = WORKERS, at_once: int = AT_ONCE) -> list[str]:
        """In a database that is bootstrapped: what missed its target."""
        at = clock.now()
        asked = _prepare(at, borrowers=at_once)
        ways: dict[str, Reserve] = {OURS: _ours, PEER: _peer, TIGHT: _two_statements}
        found: dict[tuple[str, int], list[Race]] = {}
        for count in (1, workers):
            for _ in range(rounds):
                for name, way in ways.items():
                    each = reservations * 10 if count == 1 else reservations
                    found.setdefault((name, count), []).append(_race(way, asked[:count], each, at))
        wrong = self._tell(found)
        for name in (OURS, PEER):
            wrong += self._over(name, ways[name], asked[:at_once], at)
        return wrong

    def _tell(self, found: dict[tuple[str, int], list[Race]]) -> list[str]:
        wrong = []
        for count in dict.fromkeys(count for _, count in found):
            rates = {}
            for name in dict.fromkeys(name for name, _ in found):
                races = found[name, count]
                rates[name] = median(race.got / race.whole for race in races)
                single = median(second for race in races for second in race.seconds)
                self.stdout.write(
                    f"  {count:>2} at a time, {name:<28} {rates[name]:>8,.0f} a second, median {single * 1e3:6.2f} ms"
                )
                if any(race.got < len(race.seconds) for race in races):
                    wrong.append(f"{name}, {count} at a time: refused under its caps")
            ratio = rates[OURS] / rates[PEER]
            self.stdout.write(
                f"     ratio {ratio:.2f} to {PEER} (target {TARGET:g}), {rates[OURS] / rates[TIGHT]:.2f} to {TIGHT}"
            )
            if count > 1 and ratio < TARGET:
                wrong.append(f"ratio {ratio:.2f}")
        return wrong

    def _over(self, name: str, way: Reserve, asked: Sequence[Drawdown], at: datetime) -> list[str]:
        """All at once, for the last of the outstanding: what was given beyond it."""
        before = Reservation.objects.count()
        total = ROWS["Total"].objects.get(programme=PROGRAMME)
        Programme.objects.filter(pk=PROGRAMME).update(cap_outstanding_cents=total.used_cents + LEFT)
        race = _race(way, asked, 1, at, warm=0)
        Programme.objects.filter(pk=PROGRAMME).update(cap_outstanding_cents=LARGE)
        given = ROWS["Total"].objects.get(programme=PROGRAMME).used_cents - total.used_cents
        kept = (Reservation.objects.count() - before) * AMOUNT
        self.stdout.write(
            f"  {len(asked)} at once by {name} for the last {LEFT // AMOUNT} of {AMOUNT / 100:,.0f}: "
            f"{race.got} got one, over by {max(given - LEFT, 0) / 100:,.0f}"
        )
        right = given == kept == race.got * AMOUNT == min(LEFT // AMOUNT, len(asked)) * AMOUNT
        return [] if right else [f"{name}: {given} moved, {kept} in the ledger, {race.got} times {AMOUNT} answered"]


def _prepare(at: datetime, borrowers: int) -> list[Drawdown]:
    """Caps that do not bind, and a drawdown of each of so many borrowers."""
    Programme.objects.filter(pk=PROGRAMME).update(
        cap_day_cents=LARGE, cap_month_cents=LARGE, cap_outstanding_cents=LARGE, per_borrower_cents=LARGE
    )
    Guarantor.objects.update(net_capital_cents=LARGE)
    product = Product.objects.get(code="LINE")
    with transaction.atomic(), connection.cursor() as db:
        db.execute(BORROWERS, {"user": accounts.ensure_user(phone=PHONE, at=at), "borrowers": borrowers})
        db.execute("SET LOCAL session_replication_role = replica")
        db.execute(DRAWDOWNS, {"product": product.pk, "amount": AMOUNT, "at": at})
        made: list[Drawdown] = db.fetchall()
    for drawdown in made:  # the rows that all of them share, and each borrower's
        _ours(drawdown, at)
    with connection.cursor() as db:
        db.execute("ANALYZE")
    return made


def _ours(drawdown: Drawdown, at: datetime) -> int | None:
    """As a task reserves: the service in a transaction."""
    with transaction.atomic(durable=True):
        return headroom.reserve(
            programme_code=PROGRAMME, drawdown_id=drawdown[0], amount_cents=AMOUNT, day=at.date(), at=at
        )


def _peer(drawdown: Drawdown, at: datetime) -> int | None:
    """Lock what will move, always in the same order; look; write."""
    with transaction.atomic(durable=True):
        programme = Programme.objects.select_related("guarantor").get(pk=PROGRAMME)
        day = at.date()
        keys: dict[str, dict[str, Any]] = {
            "Total": {"programme": programme},
            "Month": {"programme": programme, "month": day.replace(day=1)},
            "Day": {"programme": programme, "business_date": day},
            "Borrower": {"programme": programme, "user_id": drawdown[1]},
            "Guarantor": {"guarantor": programme.guarantor},
        }
        caps = {
            "Total": programme.cap_outstanding_cents,
            "Borrower": programme.per_borrower_cents,
            "Guarantor": programme.guarantor.cap_cents,
        }
        rows = {name: ROWS[name].objects.select_for_update().get(**key) for name, key in keys.items()}
        if any(row.used_cents + AMOUNT > caps.get(name, row.cap_cents) for name, row in rows.items()):
            return None
        for name, row in rows.items():
            row.reserved_cents, row.cap_cents = row.reserved_cents + AMOUNT, caps.get(name, row.cap_cents)
            row.save(update_fields=["reserved_cents", "cap_cents"])
        kept: Model = Reservation.objects.create(
            kind="reserve",
            programme=programme,
            business_date=day,
            drawdown_id=drawdown[0],
            guarantor=programme.guarantor,
            amount_cents=AMOUNT,
            at=at,
        )
        return int(kept.pk)


def _two_statements(drawdown: Drawdown, at: datetime) -> int | None:
    """The shortest way to lock first: everything found and locked by one statement, everything written by another."""
    day = at.date()
    values: dict[str, Any] = {
        "programme": PROGRAMME,
        "drawdown": drawdown[0],
        "amount": AMOUNT,
        "day": day,
        "month": day.replace(day=1),
        "at": at,
    }
    with transaction.atomic(durable=True), connection.cursor() as db:
        db.execute(FOUND, values)
        *ids, total, month, day_, borrower, guarantor = db.fetchone()
        if not (total and month and day_ and borrower and guarantor):
            return None
        db.execute(TAKEN, values | dict(zip("tmdbg", ids, strict=True)))
        return int(db.fetchone()[0])


def _race(way: Reserve, asked: Sequence[Drawdown], each: int, at: datetime, warm: int = WARM) -> Race:
    """A worker for each drawdown asks `each` times; all begin together, on connections that have reserved before."""
    ready, lock = threading.Barrier(len(asked) + 1), threading.Lock()
    race = Race([], 0.0, 0)

    def work(drawdown: Drawdown) -> None:
        seconds, got = [], 0
        try:
            with connection.cursor() as db:
                db.execute("SET synchronous_commit = off")  # the disk's flush, the same for all, would hide the rest
            for _ in range(warm):
                way(drawdown, at)
            ready.wait()
            for _ in range(each):
                begun = time.perf_counter()
                got += way(drawdown, at) is not None
                seconds.append(time.perf_counter() - begun)
        except BaseException:
            ready.abort()  # or the others would wait for ever
            raise
        finally:
            with lock:
                race.seconds += seconds
                race.got += got
            connection.close()

    threads = [threading.Thread(target=work, args=(drawdown,)) for drawdown in asked]
    for thread in threads:
        thread.start()
    ready.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    race.whole = time.perf_counter() - begun
    return race
