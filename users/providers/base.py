"""What an identity or card check answers, whoever is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from lending.common.errors import Malformed
from users.queries import SourceView

RESULTS = ("match", "mismatch", "no_record")


@dataclass(frozen=True)
class Subject:
    """What is sent. `phone` and `card_number` only for a card; `pictures`, front and back of the ID card as JPEG, only
    for its reading; `liveness`, what the vendor's own page or kit told of somebody before a camera, only for a face.
    `key`: the check's own.
    """

    name: str
    id_number: str
    phone: str = ""
    card_number: str = ""
    key: str = ""
    pictures: tuple[bytes, ...] = field(default=(), repr=False)
    liveness: str = field(default="", repr=False)


@dataclass(frozen=True)
class Printed:
    """What stands on an ID card. `expires_on` None: long-term."""

    name: str = field(repr=False)
    id_number: str = field(repr=False)
    expires_on: date | None


@dataclass(frozen=True)
class Verdict:
    """`result`: one of RESULTS, or "unreadable" of pictures and "not_live" of a face. `bank`, `card_type` (debit,
    credit): for a bank card only. `printed`: of an ID card that could be read. `raw`: the whole reply.
    """

    result: str
    raw: dict[str, Any]
    bank: str = ""
    card_type: str = ""
    printed: Printed | None = None


class Checker(Protocol):
    """Asks one vendor. Asking again is harmless. Raises TransientError, UnknownOutcome, PermanentError."""

    def __call__(self, source: SourceView, subject: Subject) -> Verdict: ...


def malformed(source: SourceView, what: str, raw: Mapping[str, Any] | None = None) -> Malformed:
    """For a reply that is not what was agreed."""
    return Malformed(f"malformed reply: {what}", vendor=source.code, raw=raw)
