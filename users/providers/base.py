"""What an identity or card check answers, whoever is asked."""

from dataclasses import dataclass
from typing import Any, Protocol

from lending.common.errors import PermanentError
from users.queries import SourceView

RESULTS = ("match", "mismatch", "no_record")


@dataclass(frozen=True)
class Subject:
    """What is sent. `phone` and `card_number` only for a card."""

    name: str
    id_number: str
    phone: str = ""
    card_number: str = ""


@dataclass(frozen=True)
class Verdict:
    """`result`: one of RESULTS. `bank` and `card_type` (debit, credit): for a card only. `raw`: the whole reply."""

    result: str
    raw: dict[str, Any]
    bank: str = ""
    card_type: str = ""


class Checker(Protocol):
    """Asks one vendor. Asking again is harmless. Raises TransientError, UnknownOutcome, PermanentError."""

    def __call__(self, source: SourceView, subject: Subject) -> Verdict: ...


def malformed(source: SourceView, what: str) -> PermanentError:
    """For a reply that is not what was agreed."""
    return PermanentError(f"malformed reply: {what}", vendor=source.code, code="malformed")
