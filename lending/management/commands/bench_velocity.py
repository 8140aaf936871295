"""`manage.py bench_velocity`: the velocity variables and list look-ups of one person over large tables, with plans.

The rows are made, measured and rolled back in one transaction: nothing of them stays.
"""

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from statistics import median
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction

from lending.common import clock
from lending.models import Product
from risk.rules.velocity import PARTNER, SHARED, Window
from risk.services import velocity
from users import queries as users
from users.services import accounts

TARGET_MS = 50.0  # for all variables of one person
PHONE = "19900000000"
DAYS = 90
ROUNDS = 20
BIG = ("users_device", "users_contact", "users_bankcard", "users_profile", "users_listentry", "lending_application")

BORROWERS = """
INSERT INTO users_user (password, is_superuser, public_id, kind, full_name, phone, phone_index, language, is_staff,
                        is_active, created_at)
SELECT u.password, false, gen_random_uuid(), 'borrower', '', u.phone, 'bench-' || n, u.language, false, true,
       u.created_at
FROM users_user u, generate_series(1, %(rows)s) n WHERE u.id = %(user)s
"""
# Two people to a thing; the first 5,000 all have one "hot" device and contact, as of a shop that signs people up.
PEOPLE = """
CREATE TEMP TABLE bench_people ON COMMIT DROP AS
SELECT id, row_number() OVER (ORDER BY id) AS n FROM users_user WHERE phone_index LIKE 'bench-%%'
"""
DEVICES = """
INSERT INTO users_device (user_id, fingerprint, fingerprint_index, platform, model, system_version, app_version,
                          is_emulator, is_rooted, ip, consent_id, first_seen_at, last_seen_at)
SELECT id, 'x', CASE WHEN n <= 5000 THEN 'hot' ELSE 'device-' || n / 2 END, 'android', '', '', '', false, false,
       '127.0.0.1', 0, %(at)s, %(at)s - n * interval '1 second' FROM bench_people b
"""
CONTACTS = """
INSERT INTO users_contact (user_id, position, relation, name, phone, phone_index, created_at)
SELECT id, 1, 'friend', 'x', 'x', CASE WHEN n <= 5000 THEN 'hot' ELSE 'contact-' || n / 2 END,
       %(at)s - n * interval '1 second' FROM bench_people b
"""
CARDS = """
INSERT INTO users_bankcard (public_id, user_id, bank, holder, number, number_index, last4, phone, state, created_at)
SELECT gen_random_uuid(), id, 'bank', 'x', 'x', 'card-' || n / 2, '0000', 'x', 'added', %(at)s FROM bench_people b
"""
PROFILES = """
INSERT INTO users_profile (user_id, province, city, address_index, employment, job, declared, updated_at, updated_by)
SELECT id, 'ZJ', 'x', 'home-' || n / 2, '', '', '{}', %(at)s, 'bench' FROM bench_people b
"""
ENTRIES = """
INSERT INTO users_listentry (kind, subject, subject_index, source, reason, added_by, added_at, removed_by)
SELECT 'grey', 'phone', 'entry-' || n, 'manual', 'bench', 'system', %(at)s, '' FROM bench_people b
"""
APPLICATIONS = """
INSERT INTO lending_application (public_id, user_id, product_id, product_family, channel_code, status, asked_cents,
    asked_months, method, purpose, grade, reasons, reapply_at, appeals, created_at, submitted_at, decided_at)
SELECT gen_random_uuid(), b.id, %(product)s, 'consumer', (array['OWN','LOANHUB','CARDMATE','POCKET'])[1 + n %% 4],
    'DECLINED', 1000000, 12, 'equal_instalment', 'education', 'E', array['S03'], %(at)s, 0, m.at, m.at, m.at
FROM bench_people b, LATERAL (SELECT %(at)s - (n %% 180) * interval '1 day' AS at) m
"""


class Command(BaseCommand):
    help = "Measures velocity over many rows, which are rolled back; exits 1 above the target or at a table scan."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rows", type=int, default=200_000, help="borrowers, each with one row in every table")

    def handle(self, *args: Any, **options: Any) -> None:
        if not getattr(settings, "DEMO_CLOCK", False):
            raise CommandError("This fills the database for a while: development settings only.")
        with transaction.atomic():
            at = clock.now()
            self._fill(options["rows"], at)
            wrong = [*self._measure("somebody", options["rows"] // 360 * 180 + 6, at), *self._measure("hot", 100, at)]
            transaction.set_rollback(True)
        if wrong:
            raise CommandError("; ".join(wrong))

    def _fill(self, rows: int, at: datetime) -> None:
        product = Product.objects.order_by("pk").first()
        if product is None:
            raise CommandError("No product: run `manage.py bootstrap` first.")
        values: dict[str, Any] = {
            "user": accounts.ensure_user(phone=PHONE, at=at),
            "product": product.pk,
            "at": at,
            "rows": rows,
        }
        with connection.cursor() as db:
            db.execute("ALTER TABLE lending_application DISABLE TRIGGER USER")  # rolled back with the rest
            for statement in (BORROWERS, PEOPLE, DEVICES, CONTACTS, CARDS, PROFILES, ENTRIES, APPLICATIONS):
                db.execute(statement, values)
            for table in BIG:
                db.execute(f"ANALYZE {table}")
                db.execute(f"SELECT count(*) FROM {table}")  # noqa: S608  names from above
                self.stdout.write(f"  {table:<22} {db.fetchone()[0]:>9,} rows")

    def _measure(self, who: str, number: int, at: datetime) -> Iterator[str]:
        with connection.cursor() as db:
            db.execute("SELECT id FROM users_user WHERE phone_index = %s", [f"bench-{number}"])
            user_id = db.fetchone()[0]
        all_ms = 0.0
        for subject in (*SHARED, PARTNER):
            asked = {"v": Window(subject, DAYS)}

            def count(asked: dict[str, Window] = asked) -> Any:
                return velocity.counts(user_id=user_id, asked=asked, at=at)["v"]

            found, took, plans = _looked_at(count)
            all_ms += took
            self.stdout.write(f"\n  {who}: {subject} within {DAYS} days: {found}, {took:.2f} ms")
            yield from self._shown(plans)
        hits, took, plans = _looked_at(lambda: len(users.list_hits(user_id, at)))
        self.stdout.write(f"\n  {who}: entries on lists: {hits}, {took:.2f} ms")
        yield from self._shown([plan for plan in plans if "users_listentry" in plan[0]])
        if all_ms > TARGET_MS:
            yield f"{who}: {all_ms:.1f} ms for all, above {TARGET_MS:g}"

    def _shown(self, plans: list[tuple[str, float]]) -> Iterator[str]:
        for text, took in plans:
            self.stdout.write(f"      {took:>7.3f} ms  {text}")
            if "Seq Scan" in text:
                yield text


def _looked_at(what: Callable[[], Any]) -> tuple[Any, float, list[tuple[str, float]]]:
    """(its answer, the median of its milliseconds, (scans, milliseconds) of each of its queries as Postgres tells)."""
    asked: list[tuple[str, Any]] = []

    def listen(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(listen):
        found = what()
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        what()
        times.append((time.perf_counter() - started) * 1000)
    plans = []
    with connection.cursor() as db:
        for sql, params in asked:
            db.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
            told = db.fetchone()[0]
            plan = (json.loads(told) if isinstance(told, str) else told)[0]
            plans.append((", ".join(_scans(plan["Plan"])), plan["Execution Time"]))
    return found, median(times), plans


def _scans(node: dict[str, Any]) -> Iterator[str]:
    if "Scan" in node["Node Type"] and node["Node Type"] != "Bitmap Heap Scan":
        yield f"{node['Node Type']} {node.get('Index Name') or node.get('Relation Name', '')} ({node['Actual Rows']})"
    for below in node.get("Plans", []):
        yield from _scans(below)
