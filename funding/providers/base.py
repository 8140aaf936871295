"""What the platform asks of a funder and of a payment channel, whatever their protocol.

Adapters speak HTTP, return these dataclasses, and raise TransientError (nothing happened: send again under the same
key), UnknownOutcome (it may have happened: query by key) or PermanentError (it never will). Raw replies are kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, Protocol

from django.conf import settings
from django.utils.dateparse import parse_datetime

from lending.common import http
from lending.common.errors import PermanentError, TransientError, UnknownOutcome

TIMEOUT_MS = 5000


@dataclass(frozen=True)
class Submission:
    """What a funder is told about a drawdown: no more than it needs for its own decision.

    Rates are fractions a year; `annual_rate` is the customer's price, of which `guarantee_rate` is the guarantor's.
    """

    key: str
    name: str
    id_number: str
    phone: str
    amount_cents: int
    months: int
    annual_rate: Decimal
    method: str
    purpose: str
    product: str
    grade: str
    programme: str
    guarantor: str = ""
    guarantee_rate: Decimal = Decimal(0)


@dataclass(frozen=True)
class FunderAnswer:
    """absent: the funder has never heard of the key. valid_for: how long an acceptance holds."""

    state: Literal["pending", "accepted", "refused", "withdrawn", "absent"]
    reference: str = ""
    reason: str = ""
    valid_for: timedelta | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Payment:
    """An order to pay out to, or collect from, a card."""

    key: str
    amount_cents: int
    card_number: str
    name: str
    allow_partial: bool = False


@dataclass(frozen=True)
class PaymentAnswer:
    """moved_cents: what came (collections, may be partial) or went out. fault: whose, where it failed.

    absent: the channel has never heard of the key.
    """

    state: Literal["processing", "succeeded", "failed", "returned", "absent"]
    reference: str = ""
    fault: Literal["", "card", "funder"] = ""
    code: str = ""
    moved_cents: int = 0
    completed_at: datetime | None = None
    returned_at: datetime | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Callback:
    """A vendor's event, read: which of our rows it is about and what it says. `answer` of None: not for us."""

    key: str
    type: str
    answer: FunderAnswer | PaymentAnswer | None


class FunderDesk(Protocol):
    def submit(self, submission: Submission) -> FunderAnswer: ...

    def query(self, key: str) -> FunderAnswer: ...

    def withdraw(self, key: str, reason: str) -> FunderAnswer: ...


class PaymentChannel(Protocol):
    def pay(self, payment: Payment) -> PaymentAnswer: ...

    def query_payout(self, key: str) -> PaymentAnswer: ...

    def collect(self, payment: Payment) -> PaymentAnswer: ...

    def query_collection(self, key: str) -> PaymentAnswer: ...


@dataclass(frozen=True)
class Vendor:
    """Where a vendor is and what both sides sign with."""

    code: str
    url: str
    secret: str
    client_id: str = "cashloan"

    def call(self, method: str, path: str, json: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer of an act under a key: one that cannot be read may have been done, so it is unknown."""
        try:
            return http.call(
                vendor=self.code,
                method=method,
                url=self.url + path,
                json=json,
                client_id=self.client_id,
                secret=self.secret,
                timeout_ms=TIMEOUT_MS,
            )
        except PermanentError as error:
            if error.code == "malformed":
                raise UnknownOutcome(error.detail, vendor=self.code, code="malformed") from error
            raise

    @property
    def callback_url(self) -> str:
        return f"{settings.PUBLIC_URL}/callbacks/funding/{self.code}"


def vendor(code: str) -> Vendor:
    """`settings.VENDORS[code]` = {"url", "secret"}; without one, the sandbox where there is one (development).

    Raises TransientError: what is waiting for an address goes out once it is configured.
    """
    if configured := getattr(settings, "VENDORS", {}).get(code):
        return Vendor(code=code, url=configured["url"], secret=configured["secret"])
    if sandbox := getattr(settings, "SANDBOX_URL", ""):
        return Vendor(code=code, url=sandbox, secret=f"sandbox-{code}")
    raise TransientError("no address is configured for it", vendor=code, code="not_configured")


def instant(text: object) -> datetime | None:
    """RFC 3339 text as an aware datetime; None for anything else."""
    try:
        found = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
