"""`manage.py bench_lists`: lists of the back office over large tables, beside COUNT(*) and OFFSET in the same run.

The rows are made, measured and rolled back in one transaction: nothing of them stays.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from lending.common import clock
from lending.common.paging import cursor, keys
from lending.management.bench_rows import Case, Queue, add_cases
from lending.models import Application, Event, Product
from users.models import User
from users.services import accounts

TARGET_MS = 50.0  # of database time for a page, at any depth
PHONE = "19900000000"
PER_BORROWER = 30
Measured = tuple[str, Callable[[], Any], Callable[[], Any] | None]

BORROWERS = """
INSERT INTO users_user (password, is_superuser, public_id, kind, full_name, phone, phone_index, language, is_staff,
                        is_active, created_at)
SELECT u.password, false, gen_random_uuid(), 'borrower', '', u.phone, 'bench-' || n, u.language, false, true,
       u.created_at
FROM users_user u, generate_series(1, %(borrowers)s) n WHERE u.id = %(user)s
"""
APPLICATIONS = """
INSERT INTO lending_application (public_id, user_id, product_id, product_family, channel_code, status, asked_cents,
    asked_months, method, purpose, grade, reasons, decided_cents, decided_months, decided_rate, reapply_at, appeals,
    created_at, submitted_at, decided_at)
SELECT gen_random_uuid(), b.first + n %% %(borrowers)s, %(product)s, 'consumer',
    (array['OWN','LOANHUB','CARDMATE','POCKET'])[1 + n %% 4],
    CASE WHEN n %% 1000 = 0 THEN 'EXPIRED' WHEN n %% 10 < 6 THEN 'DECLINED' ELSE 'GRANTED' END, 1000000, 12,
    'equal_instalment', 'education', (array['A','B','C','D'])[1 + n %% 4], array['S03'], 1000000, 12, 0.144,
    %(at)s - interval '1 year', 0, %(at)s - n * interval '20 seconds', %(at)s - n * interval '20 seconds',
    %(at)s - n * interval '20 seconds'
FROM (SELECT min(id) AS first FROM users_user WHERE phone_index LIKE 'bench-%%') b,
     generate_series(1, %(applications)s) n
"""
EVENTS = """
INSERT INTO lending_event (subject, application_id, source, target, actor, reason, occurred_at, handled_at, attempts,
                           last_error)
SELECT 'application', a.id, s.source, s.target, 'system', '', a.created_at, a.created_at, 0, ''
FROM lending_application a,
     (VALUES ('', 'DRAFT'), ('DRAFT', 'SUBMITTED'), ('SUBMITTED', 'ASSESSING')) s(source, target)
WHERE a.user_id >= (SELECT min(id) FROM users_user WHERE phone_index LIKE 'bench-%%')
"""


class Command(BaseCommand):
    help = "Measures lists of the back office over many rows, which are rolled back; exits 1 above the target."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--applications", type=int, default=300_000, help="rows; three events and a case each")
        parser.add_argument("--cases-only", action="store_true", help="the review queue alone, without events")

    def handle(self, *args: Any, **options: Any) -> None:
        if not getattr(settings, "DEMO_CLOCK", False):
            raise CommandError("This fills the database for a while: development settings only.")
        with transaction.atomic():
            at, alone = clock.now(), options["cases_only"]
            users_from = fill(options["applications"], at=at, events=not alone)
            made = add_cases(at=at, user_ids_from=users_from)
            self.stdout.write(f"  {made:,} cases, one of each of {Application.objects.count():,} applications")
            slow = self._measure(_queue_pages if alone else _cases)
            transaction.set_rollback(True)
        if slow:
            raise CommandError(f"Above {TARGET_MS:g} ms: {', '.join(slow)}")

    def _measure(self, lists: Callable[[Client], Iterator[Measured]]) -> list[str]:
        desk = Client()
        desk.force_login(User.objects.filter(is_superuser=True).order_by("pk")[0])
        slow = []
        self.stdout.write(f"\n  {'what':<52} {'ours':>10} {'peer':>10}")
        for what, ours, peer in lists(desk):
            ours()  # once for caches
            mine, theirs = _database_ms(ours), _database_ms(peer) if peer else None
            shown = f"{theirs:>7.1f} ms" if theirs is not None else f"{'-':>10}"
            self.stdout.write(f"  {what:<52} {mine:>7.1f} ms {shown}")
            if mine > TARGET_MS and not what.startswith("dashboard"):
                slow.append(what)
        return slow


def fill(applications: int, *, at: datetime, events: bool = True) -> int:
    """Borrowers, their applications, and three events of each. Returns the id from which the borrowers' ids begin."""
    product = Product.objects.order_by("pk").first()
    if product is None:
        raise CommandError("No product: run `manage.py bootstrap` first.")
    values: dict[str, Any] = {
        "user": accounts.ensure_user(phone=PHONE, at=at),
        "product": product.pk,
        "at": at,
        "applications": applications,
        "borrowers": max(applications // PER_BORROWER, 1),
    }
    with connection.cursor() as db:
        db.execute("ALTER TABLE lending_application DISABLE TRIGGER USER")  # rolled back, or dropped, with the rest
        for statement in (BORROWERS, APPLICATIONS, *([EVENTS] if events else [])):
            db.execute(statement, values)
        for table in ("users_user", "lending_application", "lending_event"):
            db.execute(f"ANALYZE {table}")
        db.execute("SELECT min(id) FROM users_user WHERE phone_index LIKE 'bench-%%'", [])
        return int(db.fetchone()[0])


def _queue_pages(desk: Client) -> Iterator[Measured]:
    """The list of review cases: at three depths of its own order, and with each of its filters."""
    address, rows = reverse("admin:review_case_changelist"), Case.objects.count()
    order = Case.objects.order_by("rank", "id")
    yield f"cases of {rows:,}: first page", _page(desk, address, {}), _numbered(order, 0)
    for where, place in (("in the middle", rows // 2), ("deep, at 95 %", rows * 95 // 100)):
        after = {"after": cursor(keys(Case, ["rank", "id"]), order[place])}
        yield f"cases: page {where}", _page(desk, address, after), _numbered(order, place)
    queue = Queue.objects.get(code="INI-STD")
    filters: list[tuple[dict[str, str], dict[str, Any]]] = [
        ({"queue__id__exact": str(queue.pk)}, {"queue": queue}),
        ({"status__exact": "WAITING_INITIAL"}, {"status": "WAITING_INITIAL"}),
        ({"status__exact": "SUPPLEMENT"}, {"status": "SUPPLEMENT"}),
        ({"due": "late"}, {"closed_at": None, "due_at__lte": clock.now()}),
        ({"due": "at_risk"}, {"closed_at": None, "due_at__gt": clock.now(), "at_risk_at__lte": clock.now()}),
        ({"due": "in_time"}, {"closed_at": None, "at_risk_at__gt": clock.now()}),
        ({"held": "nobody"}, {"claimed_by": None, "closed_at": None}),
        ({"held": "me"}, {"claimed_by": 0}),
        ({"outcome__exact": "decline"}, {"outcome": "decline"}),
        ({"is_exception__exact": "1"}, {"is_exception": True}),
        ({"is_appeal__exact": "1"}, {"is_appeal": True}),
        ({"grade": "D"}, {"grade": "D"}),
        ({"queue__id__exact": str(queue.pk), "due": "late"}, {"queue": queue, "closed_at": None}),
    ]
    for query, where_ in filters:
        named = ", ".join(f"{name.split('__')[0]} {value}" for name, value in query.items())
        yield f"cases where {named}", _page(desk, address, query), _numbered(order.filter(**where_), 0)
    found = str(order[rows // 2].application.public_id)
    yield "cases searched by an application's number", _page(desk, address, {"q": found}), None


def _cases(desk: Client) -> Iterator[Measured]:
    """Ours: the whole list through its page. Peer: what Django's list does, the count and the numbered page."""
    for model in (Application, Event):
        name, rows = model.__name__.lower(), model._default_manager.count()
        address, newest = reverse(f"admin:lending_{name}_changelist"), model._default_manager.order_by("-pk")
        middle = newest[rows // 2]
        deep = {"after": cursor(keys(model, ["-pk"]), middle)}
        yield f"{name}s of {rows:,}: first page", _page(desk, address, {}), _numbered(newest, 0)
        yield f"{name}s: page in the middle", _page(desk, address, deep), _numbered(newest, rows // 2)
    applications = reverse("admin:lending_application_changelist")
    for query in ({"status__exact": "DECLINED"}, {"status__exact": "EXPIRED"}, {"channel_code": "POCKET"}):
        ((column, value),) = query.items()
        peer = _numbered(Application.objects.filter(**query).order_by("-pk"), 0)
        yield f"applications where {column.split('__')[0]} is {value}", _page(desk, applications, query), peer
    found = str(Application.objects.order_by("-pk")[0].public_id)[:8]
    yield "applications searched by the beginning of a number", _page(desk, applications, {"q": found}), None
    yield from _queue_pages(desk)
    yield "events that are stuck", _page(desk, reverse("admin:lending_event_changelist"), {"step": "parked"}), None
    yield "dashboard, today", _page(desk, reverse("admin:index"), {}), None
    yield "dashboard, 30 days", _page(desk, reverse("admin:index"), {"days": "30"}), None


def _page(desk: Client, address: str, query: dict[str, str]) -> Callable[[], Any]:
    def load() -> None:
        answer = desk.get(address, query)
        if answer.status_code != 200:
            raise CommandError(f"{address} answered {answer.status_code}")

    return load


def _numbered(rows: Any, start: int) -> Callable[[], Any]:
    return lambda: (rows.count(), list(rows[start : start + 50]))


def _database_ms(call: Callable[[], Any]) -> float:
    """The fastest of three."""
    found = []
    for _ in range(3):
        with _timed() as spent:
            call()
        found.append(sum(spent) * 1000)
    return min(found)


@contextmanager
def _timed() -> Iterator[list[float]]:
    spent: list[float] = []

    def run(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        begun = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            spent.append(time.perf_counter() - begun)

    with connection.execute_wrapper(run):
        yield spent
