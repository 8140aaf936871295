"""What we ask of a downstream platform, whatever its protocol.

Adapters speak HTTP, return these dataclasses, and raise TransientError (nothing happened: send again under the same
key), UnknownOutcome (it may have happened: query by key) or PermanentError (it never will). Raw replies are kept.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from django.conf import settings

from lending.common import http
from lending.common.errors import PermanentError, TransientError, UnknownOutcome

TIMEOUT_MS = 5000


@dataclass(frozen=True)
class Push:
    """All that a platform is told of a borrower: what the consent says, and that consent."""

    key: str
    name: str
    phone: str
    amount_cents: int
    months: int
    consent_id: str
    consent_version: str
    consent_given_at: datetime


@dataclass(frozen=True)
class LeadAnswer:
    """absent: the platform has never heard of the key. `link`: where the borrower goes on there."""

    state: Literal["pending", "accepted", "refused", "paid", "returned", "absent"]
    reference: str = ""
    reason: str = ""
    link: str = ""
    paid_cents: int = 0
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Callback:
    """A platform's event, read: which lead it is about and what it says. `answer` of None: not for us."""

    key: str
    type: str
    answer: LeadAnswer | None


class PlatformDesk(Protocol):
    def precheck(self, phone: str) -> bool:
        """Whether it would take somebody, asked so that it learns of nobody whom it does not know."""
        ...

    def push(self, push: Push) -> LeadAnswer: ...

    def query(self, key: str) -> LeadAnswer: ...


@dataclass(frozen=True)
class Vendor:
    """Where a platform is and what both sides sign with."""

    code: str
    url: str
    secret: str
    client_id: str = "cashloan"

    def call(
        self, method: str, path: str, json: Mapping[str, Any] | None = None, form: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The answer of an act under a key: one that cannot be read may have been done, so it is unknown."""
        try:
            return http.call(
                vendor=self.code,
                method=method,
                url=self.url + path,
                json=json,
                form=form,
                client_id=self.client_id,
                secret=self.secret,
                timeout_ms=TIMEOUT_MS,
            )
        except PermanentError as error:
            if error.code == "malformed":
                raise UnknownOutcome(error.detail, vendor=self.code, code="malformed") from error
            raise

    def digest(self, phone: str) -> str:
        """The phone as both sides hash it for the precheck."""
        return hmac.new(f"precheck:{self.secret}".encode(), phone.encode(), hashlib.sha256).hexdigest()

    @property
    def callback_url(self) -> str:
        return f"{settings.PUBLIC_URL}/callbacks/traffic/{self.code}"


def page(text: object) -> str:
    """Where a borrower may be sent on: an https address, "" for anything else."""
    return text if isinstance(text, str) and text.startswith("https://") and len(text) <= 300 else ""


def vendor(code: str) -> Vendor:
    """`settings.VENDORS[code]` = {"url", "secret"}; without one, the sandbox where there is one (development).

    Raises TransientError: what is waiting for an address goes out once it is configured.
    """
    if configured := getattr(settings, "VENDORS", {}).get(code):
        return Vendor(code=code, url=configured["url"], secret=configured["secret"])
    if sandbox := getattr(settings, "SANDBOX_URL", ""):
        return Vendor(code=code, url=sandbox, secret=f"sandbox-{code}")
    raise TransientError("no address is configured for it", vendor=code, code="not_configured")
