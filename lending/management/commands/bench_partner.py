"""`manage.py bench_partner`: what partners call most, over connections that stay open, on the platform's own server.

Prechecks: ours, signed and counted, beside a bare WSGI application, one that does nothing, and Django REST framework
with a token and a serializer. Intake: ours beside get_or_create with an outbox; then storms of one order at once.
Each is served by a process of its own; all use one database, made for this and dropped again, and take turns.
"""

import hashlib
import itertools
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from stdnum.cn import ric

from lending.common import clock
from lending.management import bench_server
from lending.management.bench_database import own_database
from lending.management.bench_server import Served
from lending.management.commands.bench_lists import BORROWERS, PHONE
from lending.models import Application, Event, Party
from traffic.services import prechecks
from users.services import accounts

BARE_RATIO, DRF_RATIO, INTAKE_RATIO = 0.3, 5.0, 2.0
CONNECTIONS = 16  # as many as the server has threads
HIT = 0.2  # of the questions: somebody we know
BEFORE = 1000  # questions of each channel that its share of hits is counted over
CHANNEL, SECRET, TOKEN = "LOANHUB", "bench only, dropped with its database", "0" * 40
OURS, BARE, NOTHING, DRF = "ours, signed", "bare WSGI", "WSGI that does nothing", "DRF, serializer, token"
Channel, ChannelKey, ChannelOrder, Precheck, Touch = (
    apps.get_model("traffic", name) for name in ("Channel", "ChannelKey", "ChannelOrder", "Precheck", "Touch")
)

SUBJECTS = """
INSERT INTO traffic_prechecksubject (channel_id, user_id, digest)
SELECT c.code, u.id, encode(sha256((c.code || u.id)::bytea), 'hex') FROM traffic_channel c, users_user u
WHERE (c.code LIKE 'B%%' OR c.code = 'LOANHUB') AND u.phone_index LIKE 'bench-%%'
"""
ASKED = """
INSERT INTO traffic_precheck (channel_id, digest, answer, hit, at)
SELECT c.code, encode(sha256((c.code || n)::bytea), 'hex'), 'eligible', n %% 5 = 0, %(at)s - n * interval '1 minute'
FROM generate_series(1, %(asked)s) n, traffic_channel c WHERE c.code LIKE 'B%%' OR c.code = 'LOANHUB'
"""
TOKENS = """
CREATE TABLE authtoken_token (key varchar(40) PRIMARY KEY, created timestamptz NOT NULL, user_id bigint NOT NULL UNIQUE)
"""
Requests = Callable[[int], list[bytes]]
SERVERS = {
    OURS: bench_server.PLATFORM,
    BARE: "lending.management.bench_bare:precheck",
    NOTHING: "lending.management.bench_bare:nothing",
    DRF: "lending.management.bench_drf_wsgi:application",
}
BORN = date(1980, 1, 1)
_numbers = itertools.count(1)


class Command(BaseCommand):
    help = "Measures prechecks and intake of partners beside their peers; exits 1 where a target is missed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--calls", type=int, default=1500, help="of each way in a round")
        parser.add_argument("--intakes", type=int, default=300, help="of each way in a round")
        parser.add_argument("--rounds", type=int, default=5, help="in turns; the median counts")
        parser.add_argument("--storms", type=int, default=40, help="orders that 16 send at the same moment")
        parser.add_argument("--channels", type=int, default=400, help="a channel may precheck sixty times a minute")
        parser.add_argument("--only", choices=["precheck", "intake"])

    def handle(self, *args: Any, **options: Any) -> None:
        with own_database():
            call_command("bootstrap", verbosity=0)
            names = ("calls", "intakes", "rounds", "storms", "channels", "only")
            wrong = self.measure(**{name: options[name] for name in names})
        if wrong:
            raise CommandError("; ".join(wrong))

    def measure(
        self,
        *,
        calls: int,
        intakes: int,
        rounds: int,
        storms: int,
        channels: int,
        only: str | None = None,
        borrowers: int = 500,
        connections: int = CONNECTIONS,
        warm: int = 8 * CONNECTIONS,
    ) -> list[str]:
        """In a database that is bootstrapped: what missed its target."""
        prepare(clock.now(), channels=channels, borrowers=borrowers)
        facts = {"BENCH_FACTS": prechecks.FACTS}
        with ExitStack() as stack:
            ports = {
                name: stack.enter_context(bench_server.serving(application, **facts))
                for name, application in SERVERS.items()
                if only != "intake" or name in (OURS, DRF)
            }
            wrong = []
            if only != "intake":
                ways = {name: (port, asking(name, port, channels)) for name, port in ports.items()}
                found = self._turns(ways, [warm, *[calls] * rounds], connections, wanted=200)
                wrong += self._tell(found, {BARE: BARE_RATIO, DRF: DRF_RATIO})
            if only != "precheck":
                ways = {name: (ports[name], bringing(name, ports[name], channels)) for name in (OURS, DRF)}
                found = self._turns(ways, [warm, *[intakes] * rounds], connections, wanted=201)
                wrong += self._tell(found, {DRF: INTAKE_RATIO})
                wrong += [f"kept {dict(intake_rows())}"] if len(set(intake_rows().values())) > 1 else []
                wrong += self._storms(ports[OURS], storms, connections, channels)
        return wrong

    def _turns(
        self, ways: Mapping[str, tuple[int, Requests]], rounds: Sequence[int], connections: int, *, wanted: int
    ) -> dict[str, list[Served]]:
        """Each way in turn, so many calls a round; the first round is for connections, plans and caches."""
        found: dict[str, list[Served]] = {name: [] for name in ways}
        for calls in rounds:
            for name, (port, made) in ways.items():
                served = bench_server.ask(port, made(calls), connections=connections)
                if bad := [answer for answer in served.answers if answer[0] != wanted]:
                    raise CommandError(f"{name} answered {len(bad)} times like {bad[0]}")
                found[name].append(served)
        return {name: served[1:] for name, served in found.items()}

    def _tell(self, found: dict[str, list[Served]], targets: Mapping[str, float]) -> list[str]:
        wrong = []
        ours = median(served.rate for served in found[OURS])
        for name, rounds in found.items():
            rate = median(served.rate for served in rounds)
            single = median(second for served in rounds for second in served.seconds)
            told = f"  {name:<24} {rate:>8,.0f} a second, median {single * 1e3:6.2f} ms"
            if name != OURS:
                target = f" (target {targets[name]:g})" if name in targets else ""
                told += f", ours / it {ours / rate:.2f}{target}"
                wrong += [f"{ours / rate:.2f} of {name}"] if ours / rate < targets.get(name, 0) else []
            self.stdout.write(told)
        return wrong

    def _storms(self, port: int, storms: int, connections: int, channels: int) -> list[str]:
        """Every connection sends the same order at the same moment, signed anew each; then the next order."""
        before = intake_rows()
        statuses: Counter[int] = Counter()
        for number in range(storms):
            order, app_id = an_order(), f"bench{number % channels}"
            storm = [signed("/partner/v1/applications", order, port, app_id) for _ in range(connections)]
            served = bench_server.ask(port, storm, connections=connections)
            statuses.update(status for status, _ in served.answers)
        kept = intake_rows() - before
        right = statuses == Counter({201: storms, 200: storms * (connections - 1)}) and set(kept.values()) == {storms}
        errors = sum(count for status, count in statuses.items() if status not in (200, 201))
        self.stdout.write(
            f"  {storms} storms of {connections} times one order: {errors} errors, answers {dict(statuses)}, "
            f"rows kept {dict(kept)}"
        )
        return [] if right else [f"storms: {dict(statuses)}, {dict(kept)}"]


def prepare(at: datetime, *, channels: int, borrowers: int) -> None:
    """Channels as LOANHUB, which ask by the whole hash, each with its own key, limits and former questions; and people
    that all of them know."""
    shipped = Channel.objects.get(pk=CHANNEL)
    shipped.precheck, shipped.rate_per_minute, shipped.day_quota = "keyed_hash", 6000, None
    shipped.save()
    codes = [f"B{number}" for number in range(channels)]
    with transaction.atomic(), connection.cursor() as db:
        Party.objects.bulk_create(Party(code=code, kind="channel", legal_name=code) for code in codes)
        for number, code in enumerate(codes):
            shipped.pk, shipped.app_id = code, f"bench{number}"
            shipped.save(force_insert=True)
        ChannelKey.objects.bulk_create(
            ChannelKey(channel_id=code, secret=SECRET, issued_by="system", issued_at=at) for code in codes
        )
        user_id = accounts.ensure_user(phone=PHONE, at=at)
        db.execute(BORROWERS, {"user": user_id, "borrowers": borrowers})
        db.execute(SUBJECTS)
        db.execute(ASKED, {"asked": BEFORE, "at": at})
        db.execute(TOKENS)
        db.execute("INSERT INTO authtoken_token VALUES (%s, %s, %s)", [TOKEN, at, user_id])
    with connection.cursor() as db:
        db.execute("ANALYZE")


def signed(path: str, body: Mapping[str, Any], port: int, app_id: str) -> bytes:
    nonce = f"bench-{next(_numbers):020d}"
    headers = bench_server.signature(path, body, app_id=app_id, secret=SECRET, nonce=nonce)
    return bench_server.request(port, path, body, headers)


def asking(name: str, port: int, channels: int) -> Requests:
    """Makes so many prechecks, a fifth of them of somebody known; ours by any of the channels."""
    known = list(
        apps.get_model("traffic", "PrecheckSubject").objects.filter(channel=CHANNEL).values_list("user", flat=True)
    )
    chance = random.Random(20)  # noqa: S311  the same for all

    def made(count: int) -> list[bytes]:
        found = []
        for _ in range(count):
            number = next(_numbers)
            code = f"B{chance.randrange(channels)}" if name == OURS else CHANNEL
            who = chance.choice(known) if chance.random() < HIT else f"nobody {number}"
            body = {"phone_hash": hashlib.sha256(f"{code}{who}".encode()).hexdigest()}
            if name == OURS:
                found.append(signed("/partner/v1/precheck", body, port, f"bench{code[1:]}"))
            else:
                found.append(bench_server.request(port, "/precheck", body, {"Authorization": f"Token {TOKEN}"}))
        return found

    return made


def bringing(name: str, port: int, channels: int) -> Requests:
    """Makes so many applications of new people."""

    def made(count: int) -> list[bytes]:
        found = []
        for _ in range(count):
            order = an_order()
            if name == OURS:
                found.append(signed("/partner/v1/applications", order, port, f"bench{next(_numbers) % channels}"))
            else:
                found.append(bench_server.request(port, "/applications", order, {"Authorization": f"Token {TOKEN}"}))
        return found

    return made


def an_order() -> dict[str, Any]:
    """As LOANHUB sends it, of somebody new."""
    number = next(_numbers)
    head = f"110105{BORN + timedelta(days=number // 999):%Y%m%d}{number % 999 + 1:03d}"
    return {
        "order_id": f"order-{number}",
        "phone": f"138{number:08d}",
        "product": "ONCE",
        "amount_cents": 1_000_000,
        "months": 12,
        "name": "王建国",
        "id_number": head + ric.calc_check_digit(head + "0"),
        "province": "ZJ",
        "employment": "4_7y",
        "net_income_cents": 1_200_000,
        "contacts": [{"relation": "spouse", "name": "李梅", "phone": f"137{number:08d}"}],
    }


def intake_rows() -> Counter[str]:
    """What every intake leaves one of."""
    return Counter({model.__name__: model._default_manager.count() for model in (ChannelOrder, Application, Event)})
