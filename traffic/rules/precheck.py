"""What a precheck answers. Pure."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from traffic.rules.fieldmap import BadFields

ELIGIBLE, EXISTING, COOLING_OFF = "eligible", "existing_customer", "cooling_off"
OPEN, NOT_ELIGIBLE, TRY_LATER = "open_application", "not_eligible", "try_later"
ANSWERS = (ELIGIBLE, EXISTING, COOLING_OFF, OPEN, NOT_ELIGIBLE, TRY_LATER)
GOOD = (ELIGIBLE, EXISTING)  # the channel may bring them, and holds them for a day
PREFIX = 8
MODES = {"prefix8": ("phone_hash_prefix", PREFIX), "keyed_hash": ("phone_hash", 64)}
BUCKET = 4  # answers to a prefix, at least: what is missing is made up
A_MINUTE = 60
RATIO, OVER = 0.35, 1000


@dataclass(frozen=True)
class Facts:
    """Of one borrower we know. `reapply_at`: of a refusal that holds; `for_good` where it has no end."""

    barred: bool
    has_open: bool
    reapply_at: datetime | None
    for_good: bool
    is_customer: bool


@dataclass(frozen=True)
class Answer:
    answer: str
    until: datetime | None = None


def classify(facts: Facts) -> Answer:
    """Lists, closed accounts and refusals for good are one answer: nobody learns which."""
    if facts.barred or facts.for_good:
        return Answer(NOT_ELIGIBLE)
    if facts.has_open:
        return Answer(OPEN)
    if facts.reapply_at is not None:
        return Answer(COOLING_OFF, facts.reapply_at)
    return Answer(EXISTING if facts.is_customer else ELIGIBLE)


def digest(key: str, phone: str) -> str:
    """As both sides hash: phone of 11 digits (mainland) or in E.164."""
    return hmac.new(key.encode(), phone.encode(), hashlib.sha256).hexdigest()


def read(mode: str, body: Any) -> str:
    """The hash that is asked about, or its first digits. Raises BadFields."""
    name, length = MODES[mode]
    if not isinstance(body, dict):
        raise BadFields("Send one object.", fields={"": "not an object"})
    wrong = dict.fromkeys((str(field)[:60] for field in body if field != name), "unknown field")
    value = body.get(name)
    if not isinstance(value, str) or not re.fullmatch(rf"[0-9a-f]{{{length}}}", value):
        wrong[name] = f"{length} hex digits, lower case"
    if wrong:
        raise BadFields(f"See {', '.join(sorted(wrong))}.", fields=wrong)
    return str(value)


def decoy(prefix: str, noise: str) -> tuple[str, Answer]:
    """A hash with this prefix that is nobody's, and its answer; the same for the same `noise` (64 hex digits)."""
    kind = (EXISTING, ELIGIBLE, OPEN, NOT_ELIGIBLE)[int(noise[:2], 16) % 4]
    return prefix + noise[PREFIX:], Answer(kind)


def is_fishing(*, asked: int, hits: int) -> bool:
    """Whether too many of the last thousand were of people we know."""
    return asked >= OVER and hits / asked > RATIO
