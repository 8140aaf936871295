"""The answer of a flow, checked: a flow that answers something else than a verdict is a fault, not a verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from lending.common.errors import DomainError

OUTCOMES = ("approve", "refer", "decline")
SHOWN_REASONS = 4
OFFERS = ("credit",)  # scenarios whose approval carries a limit and a price

_TEXTS = {"type": "array", "items": {"type": "string"}}
_ANSWER: dict[str, Any] = {
    "outcome": {"enum": list(OUTCOMES)},
    "reasons": _TEXTS | {"maxItems": SHOWN_REASONS, "uniqueItems": True},
    "tags": _TEXTS,
    "hits": {"type": "array"},
}
_OFFER: dict[str, Any] = {
    "grade": {"type": ["string", "null"]},
    "score": {"type": ["integer", "null"]},
    "limit_cents": {"type": ["integer", "null"], "description": "Integer cents"},
    "annual_rate": {"type": ["string", "null"], "description": "A fraction as text: 0.144 is 14.4 % a year"},
    "terms": {"type": "array", "items": {"type": "integer"}, "description": "Months that can be chosen"},
    "lost": {"type": ["object", "null"], "description": "Points lost by reason"},
}


class NotAVerdict(DomainError):
    """The flow's output does not keep its scenario's contract; the message names the field."""

    code, title = "not_a_verdict", "The decision flow answered with something else than a verdict"


@dataclass(frozen=True)
class Verdict:
    """`limit_cents` and `annual_rate` (a fraction) are None where the scenario sets none."""

    outcome: str
    reasons: tuple[str, ...]
    tags: tuple[str, ...]
    hits: tuple[Any, ...]
    grade: str
    score: int | None
    limit_cents: int | None
    annual_rate: Decimal | None
    terms: tuple[int, ...]


def output_schema(scenario: str) -> dict[str, Any]:
    """JSON schema of what a flow that decides the scenario must answer."""
    offers = scenario in OFFERS
    return {
        "type": "object",
        "properties": _ANSWER | (_OFFER if offers else {}),
        "required": ["outcome", "reasons"],
        "approved_with": ["limit_cents", "annual_rate", "terms"] if offers else [],
    }


def read_verdict(output: Mapping[str, Any], approved_with: Sequence[str] = ()) -> Verdict:
    """`approved_with`: fields without which the scenario approves nobody. Raises NotAVerdict."""
    outcome = output.get("outcome")
    if outcome not in OUTCOMES:
        raise NotAVerdict(f"outcome: {outcome!r} is none of {', '.join(OUTCOMES)}")
    reasons = _texts(output, "reasons")
    if outcome != "approve" and not reasons:
        raise NotAVerdict(f"reasons: {outcome} without one")
    if len(reasons) > SHOWN_REASONS or len(set(reasons)) < len(reasons):
        raise NotAVerdict(f"reasons: at most {SHOWN_REASONS}, each once")
    limit = _integer(output, "limit_cents")
    if outcome == "approve" and limit is not None and limit <= 0:
        raise NotAVerdict("limit_cents: approved without a limit")
    if outcome == "approve" and (absent := [name for name in approved_with if not output.get(name)]):
        raise NotAVerdict(f"{absent[0]}: approved without it")
    return Verdict(
        outcome=str(outcome),
        reasons=reasons,
        tags=tuple(dict.fromkeys(_texts(output, "tags"))),
        hits=tuple(output.get("hits") or ()),
        grade=str(output.get("grade") or ""),
        score=_integer(output, "score"),
        limit_cents=limit,
        annual_rate=_rate(output.get("annual_rate")),
        terms=tuple(output.get("terms") or ()),
    )


def _texts(output: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = output.get(name) or []
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise NotAVerdict(f"{name}: a list of texts is expected")
    return tuple(found)


def _integer(output: Mapping[str, Any], name: str) -> int | None:
    found = output.get(name)
    if found is not None and (not isinstance(found, int) or isinstance(found, bool)):
        raise NotAVerdict(f"{name}: {found!r} is no integer")
    return found


def _rate(text: object) -> Decimal | None:
    if text is None:
        return None
    try:
        rate = Decimal(text) if isinstance(text, str) else None
    except InvalidOperation:
        rate = None
    if rate is None or not 0 < rate < 1:
        raise NotAVerdict(f"annual_rate: {text!r} is no fraction as text")
    return rate
