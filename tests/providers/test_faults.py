"""VENDOR x FAULT -> the declared end: one table of everybody whom the platform asks, or who calls it back.

Each cell runs over the sandbox's wire and says what our row is with the fault on, what it is when all is well again,
how often the vendor was asked for the thing, and that it happened once: there and here.

A new vendor (a name in `lending.sandbox.control.VENDORS`) is red here until it has a row in TABLE for every one of
FAULTS: an `End`, or a sentence why it cannot happen. To give it one: a `Play` below, which says how the thing is
asked for, what its row's state is, and how often it was done; its name in PLAYS; its row in TABLE. A thing that only
answers a question is a source of the register and needs no more than its row there: test_fault_matrix.py plays it.
"""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar
from urllib.parse import parse_qsl
from uuid import uuid4

import httpx
import pytest
from django.db import transaction
from django.test import Client
from pytest_django import Settings

from funding import services as funding
from funding.models import Allocation, CallbackEvent, Collection, Payout
from funding.providers import CALLBACKS, base
from funding.providers.base import PaymentAnswer
from lending.common import http
from lending.models import Event, Loan, Repayment
from lending.sandbox.app import VENDOR_ROUTES
from lending.sandbox.control import VENDORS
from lending.services import applications
from tests.conftest import Clock
from tests.factories import borrowers, drawdowns, offers
from tests.factories.configuration import configure
from tests.platform_side import listening
from tests.sandbox_server import SandboxClient
from tests.unit.risk.test_fault_matrix import SOURCES, close_breakers
from traffic import services as traffic
from traffic.models import Lead, StatusPush
from traffic.providers import base as platforms
from traffic.services import pushes
from users.models import Check, OperatorAuthorisation, Source, WechatIdentity
from users.providers import wechat as wechat_wire
from users.services import checks, operator, wechat
from users.services.wechat_identities import Ticket

LIMIT_MS = 400  # of a vendor that is made to hang
ANSWERS: dict[str, dict[str, Any]] = {
    "timeout": {"timeout_rate": 1, "hang_ms": 1000},  # done there, and never heard of here
    "lost": {"lost_rate": 1, "hang_ms": 1000},  # not done there, and not heard of either
    "500": {"error_rate": 1},
    "malformed": {"malformed_rate": 1},  # done there, and the answer is none
    "crash": {},  # the answer reaches a worker that dies with it
}
CALLS = {
    "duplicate": "delivered twice, then once more under another event id",
    "late": "after we have asked ourselves and settled",
    "reordered": "the last event of a subject first",
    "overtaking": "before the answer of our own call is written down",
    "forged": "changed on its way; signed by another vendor; sent again after six minutes",
    "unknown": "about nothing that we know",
    "unreadable": "signed, and not what was agreed",
    "overlong": "with texts and times longer than any column of ours",
}
FAULTS = (*ANSWERS, *CALLS)


@dataclass(frozen=True)
class End:
    """`then`: our row with the fault on; of callbacks, what each was answered. `end`: our row when all is well again.
    `asked`: how often the vendor was asked to do it. `done`: how often it was, there and here.
    """

    then: str
    end: str
    asked: int = 1
    done: tuple[int, int] = (1, 1)


Row = dict[str, End | str]
NO_CALLS: Row = dict.fromkeys(CALLS, "does not call back")
OF_THE_REGISTER: Row = NO_CALLS | dict.fromkeys(
    ANSWERS, "a source of the register: tests/unit/risk/test_fault_matrix.py"
)
ONE_EVENT = "tells of one thing, once: there is no order"
UNREADABLE = f"{'400 ' * 7}ignored ignored ignored"


def funder(then: str = "SUBMITTED") -> Row:
    return {
        "timeout": End("UNKNOWN", "ACCEPTED"),
        "lost": End("UNKNOWN", "ACCEPTED", asked=2),
        "500": End("RESERVED", "ACCEPTED", asked=2),
        "malformed": End("UNKNOWN", "ACCEPTED"),
        "crash": End(then, "ACCEPTED"),
        "duplicate": End("applied duplicate late", "ACCEPTED"),
        "late": End("late", "ACCEPTED"),
        "reordered": ONE_EVENT,
        "overtaking": End("applied", "ACCEPTED"),
        "forged": End("401 401 401", "ACCEPTED"),
        "unknown": End("unknown_key unknown_key", "ACCEPTED"),
        "unreadable": End(UNREADABLE, "ACCEPTED"),
        "overlong": End("applied", "ACCEPTED"),
    }


def money(end: str, reordered: End | str) -> Row:
    return {
        "timeout": End("UNKNOWN", end),
        "lost": End("UNKNOWN", end, asked=2),
        "500": End("DUE", end, asked=2),
        "malformed": End("UNKNOWN", end),
        "crash": End("SENT", end),
        "duplicate": End("applied duplicate late", end),
        "late": End("late", end),
        "reordered": reordered,
        "overtaking": End("applied", end),
        "forged": End("401 401 401", end),
        "unknown": End("unknown_key unknown_key", end),
        "unreadable": End(UNREADABLE, end),
        "overlong": End("applied", end),
    }


def platform(reordered: End) -> Row:
    return {
        "timeout": End("UNKNOWN", "ACCEPTED"),
        "lost": End("UNKNOWN", "ACCEPTED", asked=2),  # the same again, once the platform has never heard of it
        "500": End("READY", "ACCEPTED", asked=2),
        "malformed": End("UNKNOWN", "ACCEPTED"),
        "crash": End("SENT", "ACCEPTED"),
        "duplicate": End("applied duplicate late", "ACCEPTED"),
        "late": End("late", "ACCEPTED"),
        "reordered": reordered,
        "overtaking": End("applied", "ACCEPTED"),
        "forged": End("401 401 401", "ACCEPTED"),
        "unknown": End("unknown_key unknown_key", "ACCEPTED"),
        "unreadable": End(UNREADABLE, "ACCEPTED"),
        "overlong": End("applied", "ACCEPTED"),
    }


TABLE: dict[str, Row] = {
    **dict.fromkeys(SOURCES, OF_THE_REGISTER),
    "heyue": funder(),
    "linjiang": funder(),
    "payment payout": money("PAID", End("applied late", "RETURNED", done=(2, 1))),  # there and back
    "payment collection": money("COLLECTED", ONE_EVENT),
    "bridge": platform(End("applied late late", "RETURNED")),
    "sunny": platform(End("applied late", "RETURNED")),
    "partner": NO_CALLS
    | {
        "timeout": End("due", "sent", asked=2),  # a receiver knows a status that comes twice by its `seq`
        "lost": End("due", "sent", asked=2),
        "500": End("due", "sent", asked=2),
        "malformed": End("due", "sent", asked=2),
        "crash": End("due", "sent", asked=2),
        "reordered": End("due sent", "sent", asked=3, done=(2, 2)),  # the first fails, the second passes it
    },
    "wechat": NO_CALLS
    | {
        # A code is good once: where it may be used up, the same one is refused and the app brings another.
        "timeout": End("wechat_unavailable", "ticket", asked=3),
        "lost": End("wechat_unavailable", "ticket", asked=2),
        "500": End("wechat_unavailable", "ticket", asked=2),
        "malformed": End("wechat_unavailable", "ticket", asked=3),
        "crash": "asked while the borrower waits: nothing is written before the answer",
    },
    "face": NO_CALLS
    | {
        # The token of the camera is good for one request_id, which is the row's own.
        "timeout": End("pending", "passed", asked=2),
        "lost": End("pending", "passed", asked=2),
        "500": End("pending", "passed", asked=2),
        "malformed": End("pending", "passed", asked=2),
        "crash": End("pending", "passed", asked=2),
    },
    "face_b": dict.fromkeys(FAULTS, "switched off, and without an adapter: nobody asks it"),
    "operator_auth": OF_THE_REGISTER
    | {
        "duplicate": End("settled ignored ignored", "authorised"),
        "late": End("ignored", "authorised"),
        "reordered": ONE_EVENT,
        "overtaking": End("settled", "authorised"),
        "forged": End("401 401 401", "authorised"),
        "unknown": End("404 unknown_key", "authorised"),
        "unreadable": End(f"{'400 ' * 7}422 400 422", "authorised"),
        "overlong": End("422", "authorised"),  # of a token, that is: it cannot be cut
    },
}


def missing(vendors: tuple[str, ...]) -> list[str]:
    """The cells that nobody has declared."""
    rows = {vendor: [row for name, row in TABLE.items() if name.split()[0] == vendor] for vendor in vendors}
    return [f"{vendor} {fault}" for vendor in vendors for fault in FAULTS if not _declared(rows[vendor], fault)]


def _declared(rows: list[Row], fault: str) -> bool:
    return bool(rows) and all(row.get(fault) for row in rows)


class TestTheTable:
    def test_has_a_row_of_every_vendor_for_every_fault(self) -> None:
        assert missing(VENDORS) == []
        assert missing(("newcomer",)) == [f"newcomer {fault}" for fault in FAULTS]

    def test_plays_every_cell_that_has_an_end(self) -> None:
        assert {name for name, row in TABLE.items() if any(isinstance(end, End) for end in row.values())} == set(PLAYS)

    def test_says_of_nobody_that_calls_back_that_it_does_not(self) -> None:
        """A vendor of the sandbox calls back where its pages can queue callbacks."""
        calling = {vendor for vendor, _, _, page in VENDOR_ROUTES if "callbacks" in page.__globals__}
        assert calling >= CALLBACKS.keys()
        silent = {name.split()[0] for name, row in TABLE.items() if row["duplicate"] in NO_CALLS.values()}
        assert calling & silent == set()


# --- what vendors call back, held until a test delivers it -----------------------------------------------------------


@dataclass(frozen=True)
class Letter:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def vendor(self) -> str:
        return self.headers["X-Client-Id"]

    def rewritten(self, body: bytes, *, vendor: str = "", age: int = 0) -> "Letter":
        """Another body, truly signed: by the vendor itself or the one named."""
        timestamp = str(int(time.time()) - age)
        secret = f"sandbox-{vendor or self.vendor}"
        signed = http.sign(secret=secret, method="POST", path=self.path, timestamp=timestamp, body=body)
        return Letter(self.path, self.headers | {"X-Timestamp": timestamp, "X-Signature": signed}, body)

    def saying(self, **changed: Any) -> "Letter":
        """As a new event of the same vendor, other data in it."""
        event = self.event | {"event_id": f"e-{uuid4()}"}
        return self.rewritten(json.dumps(event | {"data": event["data"] | changed}).encode())

    def deliver(self) -> str:
        """The outcome, or the status of a refusal."""
        answer = Client().post(self.path, self.body, content_type="application/json", headers=self.headers)
        return str(answer.json()["outcome"]) if answer.status_code == 200 else str(answer.status_code)


@dataclass
class PostOffice:
    letters: list[Letter] = field(default_factory=list)

    def about(self, key: str, count: int = 1) -> list[Letter]:
        """The first letters about this key, once they are there."""
        deadline = time.monotonic() + 10
        while True:
            found = [letter for letter in self.letters if letter.event["data"]["key"] == key]
            if len(found) >= count:
                return found
            assert time.monotonic() < deadline, f"{len(found)} of {count} letters came"
            time.sleep(0.005)


@pytest.fixture(scope="module")
def office() -> Iterator[tuple[str, PostOffice]]:
    office = PostOffice()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name: self.headers[name] for name in ("X-Client-Id", "X-Timestamp", "X-Signature")}
            office.letters.append(Letter(self.path, headers, body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with listening(Handler) as url:
        yield url, office


# Of a true key: what a vendor tells whose it is not.
HEYUE = ("funding", "heyue", "submission.decided", {"status": "approved"})
ANOTHER: dict[str, tuple[str, str, str, dict[str, str]]] = {
    "heyue": ("funding", "linjiang", "LN2001", {"appl_sts": "2"}),
    "bridge": ("traffic", "sunny", "ORDER_NOTIFY", {"state": "20"}),
    "sunny": ("traffic", "bridge", "lead.decided", {"status": "approved"}),
}
OF_PLATFORMS = ("lead_no", "order_no", "memo", "continue_url", "h5_url")


class WorkerDied(BaseException):
    """As kill -9 would: nothing of ours catches it."""


# --- how each thing is asked for ----------------------------------------------------------------------------------


class Play(ABC):
    """One thing asked of one vendor, on a ground that is laid once; `ask` writes a new row under a key of its own."""

    vendor: str
    wire: Any = base  # where its time limit stands
    quick: ClassVar[dict[str, Any]] = {}  # how the vendor is set, so that nobody waits
    force = ""  # the vendor's own word, whoever the borrower is
    final: tuple[str, ...]
    waits = True  # a row, which is run again when it is due
    events = 2  # that tell of something done and taken back
    key: str

    def __init__(self, clock: Clock, sandbox: SandboxClient) -> None:
        self.clock, self.sandbox = clock, sandbox

    @abstractmethod
    def ask(self) -> None: ...

    @abstractmethod
    def run(self) -> None:
        """What a worker does about the row now."""

    @abstractmethod
    def state(self) -> str: ...

    @abstractmethod
    def asked(self) -> list[str]:
        """The key of each request that asks for the thing to be done."""

    def there(self) -> int:
        """How often it was done there: a vendor does a thing once for a key."""
        return len(set(self.asked()))

    @abstractmethod
    def here(self) -> int: ...

    @contextmanager
    def in_haste(self) -> Iterator[None]:
        """Nobody waits longer than LIMIT_MS for an answer."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.wire, "TIMEOUT_MS", LIMIT_MS)
            yield

    def decided(self) -> None:
        """What brings the vendor to tell of it."""
        self.run()

    def moved(self, cents: int) -> list[int]:
        """What the ledger says of the keys that were asked for, each movement of so many cents."""
        keys = set(self.asked())
        moved = [entry["amount_cents"] for entry in self.sandbox.ledger()["entries"] if entry["key"] in keys]
        assert {abs(amount) for amount in moved} <= {cents}
        return moved

    def posts(self, path: str) -> list[Any]:
        calls = [call for call in self.sandbox.calls(self.vendor, path=path) if call["method"] == "POST"]
        return [call["body"] for call in calls]

    def mend(self) -> None:
        """Run it until it is settled, as the sweep would."""
        for _ in range(8):
            if self.state() in self.final:
                return
            time.sleep(0.04)  # as long as any vendor thinks
            self.clock.move(seconds=40)  # past every lease and back-off
            self.run()


class AskingFunder(Play):
    quick: ClassVar[dict[str, Any]] = {"decide_ms": [20, 40]}
    force, final = "approved", ("ACCEPTED", "REFUSED", "RELEASED")
    candidates: tuple[str, ...]

    def __init__(self, clock: Clock, sandbox: SandboxClient) -> None:
        super().__init__(clock, sandbox)
        self.drawdown_id = drawdowns.routing(clock.at, candidates=self.candidates)

    def ask(self) -> None:
        found = funding.allocate(drawdown_id=self.drawdown_id, at=self.clock.at)
        assert found
        self.pk = found
        self.key = Allocation.objects.get(pk=self.pk).key

    def run(self) -> None:
        funding.run_allocation(allocation_id=self.pk, now=self.clock.at)

    def state(self) -> str:
        return Allocation.objects.get(pk=self.pk).state

    def here(self) -> int:
        return Event.objects.filter(drawdown=self.drawdown_id, target="SIGNING").count()


class AskingHeyue(AskingFunder):
    vendor, candidates = "heyue", ("HYF",)

    def asked(self) -> list[str]:
        return [body["key"] for body in self.posts("/heyue/v1/submissions") if "applicant" in body]


class AskingLinjiang(AskingFunder):
    vendor, candidates = "linjiang", ("LJB",)

    def asked(self) -> list[str]:
        heads = [body["head"] for body in self.posts("/linjiang/gateway")]
        return [head["serial_no"] for head in heads if head["txn_code"] == "LN1001"]


class PayingOut(Play):
    vendor = "payment"
    quick: ClassVar[dict[str, Any]] = {"settle_ms": [20, 40], "return_ms": [20, 40]}
    force, final = "succeeded", ("PAID", "FAILED", "RETURNED")

    def __init__(self, clock: Clock, sandbox: SandboxClient) -> None:
        super().__init__(clock, sandbox)
        self.drawdown_id = drawdowns.signed(clock.at).drawdown_id

    def ask(self) -> None:
        payout_id = funding.start_payout(drawdown_id=self.drawdown_id, at=self.clock.at)
        assert payout_id
        self.pk, self.key = payout_id, Payout.objects.get(pk=payout_id).key

    def run(self) -> None:
        funding.run_payout(payout_id=self.pk, now=self.clock.at)

    def state(self) -> str:
        return Payout.objects.get(pk=self.pk).state

    def asked(self) -> list[str]:
        return [body["key"] for body in self.posts("/payment/v1/payouts")]

    def there(self) -> int:
        """Movements of money."""
        return len(self.moved(1_000_000))

    def here(self) -> int:
        return Loan.objects.filter(drawdown=self.drawdown_id).count()


class Collecting(Play):
    vendor = "payment"
    quick = PayingOut.quick
    force, final = "succeeded", ("COLLECTED", "FAILED")

    def __init__(self, clock: Clock, sandbox: SandboxClient) -> None:
        super().__init__(clock, sandbox)
        drawdown_id = drawdowns.signed(clock.at).drawdown_id
        payout_id = funding.start_payout(drawdown_id=drawdown_id, at=clock.at)
        assert payout_id
        paid = PaymentAnswer("succeeded", moved_cents=1_000_000)
        funding.settle_payout(payout_id=payout_id, answer=paid, at=clock.at)
        self.loan = Loan.objects.get(drawdown=drawdown_id)

    def ask(self) -> None:
        by = f"user:{self.loan.user_id}"
        self.pk = funding.start_collection(loan_id=self.loan.pk, amount_cents=80_000, key="k", by=by, at=self.clock.at)
        self.key = Collection.objects.get(pk=self.pk).key

    def run(self) -> None:
        funding.run_collection(collection_id=self.pk, now=self.clock.at)

    def state(self) -> str:
        return Collection.objects.get(pk=self.pk).state

    def asked(self) -> list[str]:
        return [body["key"] for body in self.posts("/payment/v1/collections")]

    def there(self) -> int:
        return len(self.moved(80_000))

    def here(self) -> int:
        return Repayment.objects.filter(loan=self.loan, amount_cents=80_000).count()


class TellingPartner(Play):
    vendor, wire = "partner", pushes
    final = ("sent", "failed")

    def __init__(self, clock: Clock, sandbox: SandboxClient) -> None:
        super().__init__(clock, sandbox)
        user_id = borrowers.borrower(clock.at)
        by = f"user:{user_id}"
        started = applications.start(user_id=user_id, product_code="LINE", channel_code="LOANHUB", by=by, at=clock.at)
        applications.submit(
            application_id=started, amount_cents=1_000_000, months=12, method="equal_instalment", purpose="education",
            by=by, at=clock.at,
        )  # fmt: skip
        self.events = list(Event.objects.order_by("id").values_list("id", flat=True))

    def ask(self) -> None:
        self.before = len(self.sandbox.partner_events("LOANHUB"))
        self.pk = traffic.push_status(event_id=self.events[0], at=self.clock.at)

    def run(self) -> None:
        traffic.run_push(push_id=self.pk, now=self.clock.at)

    def state(self) -> str:
        return StatusPush.objects.get(pk=self.pk).state

    def asked(self) -> list[str]:
        return [str(body["seq"]) for body in self.posts("/partner/LOANHUB/events")]

    def there(self) -> int:
        """Statuses that a receiver tells apart."""
        return len({event["seq"] for event in self.sandbox.partner_events("LOANHUB")[self.before :]})

    def here(self) -> int:
        return StatusPush.objects.filter(state="sent").count()


class TellingPlatform(Play):
    wire = platforms
    quick: ClassVar[dict[str, Any]] = {"decide_ms": [20, 40], "settle_ms": [1, 2], "return_ms": [1, 2]}
    force, final = "accepted", ("ACCEPTED", "REFUSED", "RETURNED", "ENDED")

    def __init__(self, clock: Clock, sandbox: SandboxClient) -> None:
        super().__init__(clock, sandbox)
        self.offer = offers.offered(clock.at, self.vendor.upper())
        self.consent_id = offers.consented(self.offer, clock.at)

    def ask(self) -> None:
        """Chosen, and the blinded question answered: what is left is to tell of them."""
        self.pk = traffic.choose(
            user_id=self.offer.user_id,
            offer_id=self.offer.public_id,
            consent_id=self.consent_id,
            at=self.clock.at,
        )
        self.run()
        self.key = Lead.objects.get(pk=self.pk, state="READY").key

    def run(self) -> None:
        traffic.run_lead(lead_id=self.pk, now=self.clock.at)

    def state(self) -> str:
        return Lead.objects.get(pk=self.pk).state

    def here(self) -> int:
        return Lead.objects.filter(user=self.offer.user_id, state__in=["ACCEPTED", "RETURNED"]).count()


class TellingBridge(TellingPlatform):
    vendor, events = "bridge", 3

    def asked(self) -> list[str]:
        return [body["key"] for body in self.posts("/bridge/v1/leads")]


class TellingSunny(TellingPlatform):
    vendor = "sunny"

    def asked(self) -> list[str]:
        forms = [dict(parse_qsl(str(body))) for body in self.posts("/sunny/gateway.do")]
        return [form["out_order_no"] for form in forms if form["method"] == "order.push"]


class SigningInByWechat(Play):
    vendor, wire, final, waits = "wechat", wechat_wire, ("ticket",), False

    def ask(self) -> None:
        self.codes = iter([f"{uuid4().hex[:10]}.first"] * 2 + [f"{uuid4().hex[:10]}.second"])
        self.said = ""

    def run(self) -> None:
        try:
            came = wechat.run_exchange(
                app="mini", code=next(self.codes), accepted={}, ip=borrowers.IP, at=self.clock.at
            )
        except (wechat.WechatUnavailable, wechat.WechatCodeRefused) as error:
            self.said = error.code
        else:
            assert isinstance(came, Ticket)
            self.said = "ticket"

    def state(self) -> str:
        return self.said

    def asked(self) -> list[str]:
        return [call["path"] for call in self.sandbox.calls("wechat", path="/sns/jscode2session")]

    def there(self) -> int:
        return 1  # codes are used up there, and nothing else happens

    def here(self) -> int:
        return WechatIdentity.objects.count()


class ComparingFace(Play):
    vendor, final = "face", ("passed", "failed", "dead")

    def __init__(self, clock: Clock, sandbox: SandboxClient) -> None:
        super().__init__(clock, sandbox)
        Source.objects.filter(code="face").update(enabled=True)
        self.user_id = borrowers.borrower(clock.at)
        borrowers.consent(self.user_id, "biometric", clock.at)

    def ask(self) -> None:
        self.pk = checks.request(user_id=self.user_id, kind="face", liveness=f"live-{uuid4().hex}", at=self.clock.at)

    def run(self) -> None:
        checks.run_check(check_id=self.pk, now=self.clock.at)

    def state(self) -> str:
        return Check.objects.get(pk=self.pk).state

    def asked(self) -> list[str]:
        return [body["request_id"] for body in self.posts("/face/v1/compare")]

    def here(self) -> int:
        return Check.objects.filter(kind="face", state="passed").count()

    @contextmanager
    def in_haste(self) -> Iterator[None]:
        Source.objects.filter(code="face").update(timeout_ms=LIMIT_MS)
        yield
        Source.objects.filter(code="face").update(timeout_ms=3000)


class AuthorisedAtTheOperator(Play):
    """By the carrier's page, whose carrier calls back."""

    vendor, final = "operator_auth", ("authorised", "refused", "expired")

    def __init__(self, clock: Clock, sandbox: SandboxClient) -> None:
        super().__init__(clock, sandbox)
        self.user_id = borrowers.borrower(clock.at, phone="13012345678")
        borrowers.consent(self.user_id, "operator", clock.at)

    def ask(self) -> None:
        self.pk = operator.start(user_id=self.user_id, at=self.clock.at)
        self.key = OperatorAuthorisation.objects.get(pk=self.pk).key
        self.run()

    def decided(self) -> None:
        page = OperatorAuthorisation.objects.get(pk=self.pk).page
        assert page
        answer = httpx.get(f"{page.replace('/page', '/decide')}&answer=agree", trust_env=False)
        assert answer.status_code == 302

    def run(self) -> None:
        OperatorAuthorisation.objects.filter(pk=self.pk).update(not_before=None)
        operator.run(authorisation_id=self.pk, now=self.clock.at)

    def state(self) -> str:
        return OperatorAuthorisation.objects.get(pk=self.pk).state

    def asked(self) -> list[str]:
        return [body["key"] for body in self.posts("/operator/v1/authorisations")]

    def here(self) -> int:
        return OperatorAuthorisation.objects.filter(user_id=self.user_id).exclude(token=None).count()


PLAYS: dict[str, type[Play]] = {
    "heyue": AskingHeyue,
    "linjiang": AskingLinjiang,
    "payment payout": PayingOut,
    "payment collection": Collecting,
    "bridge": TellingBridge,
    "sunny": TellingSunny,
    "partner": TellingPartner,
    "wechat": SigningInByWechat,
    "face": ComparingFace,
    "operator_auth": AuthorisedAtTheOperator,
}


# --- every cell ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PLAYS)
def test_ends_as_declared(
    name: str,
    db: None,
    clock: Clock,
    sandbox: SandboxClient,
    office: tuple[str, PostOffice],
    settings: Settings,
    subtests: pytest.Subtests,
) -> None:
    configure(clock.at, apps=("lending", "users", "funding", "traffic"))
    settings.PUBLIC_URL, letters = office
    began, play = clock.at, PLAYS[name](clock, sandbox)
    ground = transaction.savepoint()
    for fault in FAULTS:
        if isinstance(end := TABLE[name][fault], str):
            continue
        with subtests.test(fault=fault), pytest.MonkeyPatch.context() as patch:
            sandbox.control(play.vendor, **play.quick)
            cell = Cell(play, letters, patch)
            then = cell.answered(fault) if fault in ANSWERS else cell.called(fault)
            play.mend()
            said = End(then, play.state(), asked=len(play.asked()), done=(play.there(), play.here()))
            assert said == end
        transaction.savepoint_rollback(ground)
        sandbox.reset()
        close_breakers()
        clock.set(began)


@dataclass
class Cell:
    play: Play
    office: PostOffice
    patch: pytest.MonkeyPatch

    def ask(self) -> None:
        self.play.ask()
        if self.play.force:
            self.play.sandbox.control(self.play.vendor, force={self.play.key: self.play.force})

    def answered(self, fault: str) -> str:
        """Our row once the fault has happened; it is over then."""
        play = self.play
        self.ask()
        if fault == "crash":
            self.after_the_answer(_die)
            with pytest.raises(WorkerDied):
                play.run()
        else:
            play.sandbox.control(play.vendor, **ANSWERS[fault])
            with play.in_haste() if fault in ("timeout", "lost") else nullcontext():
                play.run()
            self.wait_for_the_question()
            play.sandbox.control(play.vendor, **dict.fromkeys(ANSWERS[fault].keys() - {"hang_ms"}, 0))
        then, asked = play.state(), len(play.asked())
        if play.waits:
            play.run()
            assert len(play.asked()) == asked, "nobody is asked again at once"
        return then

    def wait_for_the_question(self) -> None:
        """A busy machine may take longer over it than the worker waited for its answer."""
        deadline = time.monotonic() + 10
        while not self.play.asked() and time.monotonic() < deadline:
            time.sleep(0.02)

    def called(self, fault: str) -> str:
        """What each letter was answered."""
        if isinstance(self.play, TellingPartner):
            return self.passed_by(self.play)
        return " ".join(getattr(self, fault)())

    def duplicate(self) -> list[str]:
        self.play.sandbox.control(self.play.vendor, duplicate_callbacks=1)
        first, again = self.letters(2)
        assert first.body == again.body
        return [first.deliver(), again.deliver(), first.saying().deliver()]

    def late(self) -> list[str]:
        [letter] = self.letters()
        self.play.mend()
        return [letter.deliver()]

    def reordered(self) -> list[str]:
        self.ask()
        self.play.sandbox.control(self.play.vendor, force={self.play.key: "returned"})
        self.play.run()
        letters = self.office.about(self.play.key, self.play.events)  # they may have come in any order
        return [letter.deliver() for letter in sorted(letters, key=lambda one: one.event["occurred_at"], reverse=True)]

    def overtaking(self) -> list[str]:
        said: list[str] = []
        self.ask()
        if isinstance(self.play, AuthorisedAtTheOperator):
            self.play.decided()
        self.after_the_answer(lambda: said.append(self.office.about(self.play.key)[0].deliver()))
        self.play.run()
        return said

    def forged(self) -> list[str]:
        [letter] = self.letters()
        before = self.play.state()
        changed = Letter(letter.path, letter.headers, letter.body.replace(b'"occurred_at"', b'"occurred_At"'))
        another = letter.rewritten(letter.body, vendor="sms")
        said = [changed.deliver(), another.deliver(), letter.rewritten(letter.body, age=360).deliver()]
        assert (self.play.state(), CallbackEvent.objects.count()) == (before, 0)
        assert letter.deliver() in ("applied", "settled")
        return said

    def unknown(self) -> list[str]:
        """A key of nobody; and a true one, told by a vendor whose it is not."""
        [letter] = self.letters()
        before = self.play.state()
        app, other, kind, word = ANOTHER.get(self.play.vendor, HEYUE)
        event = {"event_id": "another's", "type": kind, "data": word | {"key": self.play.key}}
        another = Letter(f"/callbacks/{app}/{other}", letter.headers | {"X-Client-Id": other}, b"")
        said = [
            letter.saying(key=f"nobody-{uuid4()}").deliver(),
            another.rewritten(json.dumps(event).encode()).deliver(),
        ]
        assert self.play.state() == before
        return said

    def unreadable(self) -> list[str]:
        [letter] = self.letters()
        before, event = self.play.state(), letter.event
        head = json.dumps(event | {"event_id": "other"})[:-1].encode()
        bodies = [
            b"",
            letter.body[:-5],
            b"[]",
            b"[" * 100_000,
            *(head + more for more in (b', "more": NaN}', b', "more": "\\ud800"}', b', "more": "\\u0000"}')),
            letter.saying(status="?", appl_sts="?", state="?").body,
            json.dumps(event | {"event_id": "in a list", "data": [event["data"]]}).encode(),
            json.dumps(event | {"event_id": "weather", "type": "weather", "data": {"key": self.play.key}}).encode(),
        ]
        said = [letter.rewritten(body).deliver() for body in bodies]
        assert self.play.state() == before
        return said

    def overlong(self) -> list[str]:
        [letter] = self.letters()
        long = dict.fromkeys(
            ("reference", "appl_no", "token", "reason", "rej_desc", "message", *OF_PLATFORMS), "x" * 3000
        )
        ages = {"decided_at": "0001-01-01T00:00:00Z", "expires_at": "9999-12-31T23:59:59Z"}
        ages |= {"aprv_time": "00010101000000", "aprv_end_time": "99991231235959"}
        return [letter.saying(**long, **ages).deliver()]

    def passed_by(self, play: TellingPartner) -> str:
        """The first status fails, and the second one is there before it."""
        self.ask()
        play.sandbox.control(play.vendor, error_rate=1)
        play.run()
        play.sandbox.control(play.vendor, error_rate=0)
        second = traffic.push_status(event_id=play.events[1], at=play.clock.at)
        traffic.run_push(push_id=second, now=play.clock.at)
        return " ".join(StatusPush.objects.order_by("seq").values_list("state", flat=True))

    def letters(self, count: int = 1) -> list[Letter]:
        """Asked for and decided there; what the vendor then calls back is held."""
        self.ask()
        self.play.decided()
        return self.office.about(self.play.key, count)

    def after_the_answer(self, act: Callable[[], object]) -> None:
        """`act` happens once, between a vendor's answer and our writing it down."""
        call, acts = http.call, iter([act])

        def calling(**asked: Any) -> dict[str, Any]:
            answer = call(**asked)
            next(acts, lambda: None)()
            return answer

        self.patch.setattr(http, "call", calling)


def _die() -> None:
    raise WorkerDied
