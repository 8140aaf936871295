"""What is counted in data that the borrower's own phone sends: an address book, the messages of the last months.

Numbers arrive scrambled: the SHA-256, in hex, of the digits as `identity.phone` writes them. There are few enough
telephone numbers to try them all, so a scrambled one is treated as the number itself: counted, compared and forgotten.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

ROWS_AT_MOST = 5_000
WINDOW = timedelta(days=90)
LATELY = timedelta(days=30)
CLOCKS_DIFFER = timedelta(minutes=10)  # a phone's clock may be ahead of ours
NIGHT_ENDS, NIGHT_BEGINS = 6, 22  # o'clock in the market

Features = dict[str, int]


class MessageKind(StrEnum):
    """What a message is about, as the app tells it on the phone."""

    BANK = "bank"
    LENDER = "lender"
    COLLECTION = "collection"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class MessageSeen:
    """One message without its words."""

    sender: str
    at: datetime
    kind: MessageKind


def scrambled(number: str) -> str:
    """As the app sends a number."""
    return hashlib.sha256(number.encode()).hexdigest()


def of_contacts(entries: Sequence[str], named: Collection[str], collectors: Collection[str]) -> Features:
    """`entries`: a scrambled number for each line of the address book, one may stand in several lines; `named`: those
    of the contacts whom the borrower named; `collectors`: those known to belong to collectors. A share of nothing is
    absent."""
    numbers = set(entries)
    found = {
        "numbers": len(numbers),
        "named_found": len(numbers & set(named)),
        "named_missing": len(set(named) - numbers),
        "collectors": len(numbers & set(collectors)),
    }
    if entries:
        found["repeated_percent"] = (len(entries) - len(numbers)) * 100 // len(entries)
    return found


def of_messages(messages: Sequence[MessageSeen], collectors: Collection[str], at: datetime, zone: ZoneInfo) -> Features:
    """Of the 90 days before `at`; what is older, or not yet, does not count. A share of nothing is absent."""
    seen = [each for each in messages if at - WINDOW < each.at <= at + CLOCKS_DIFFER]
    kinds = [each.kind for each in seen]
    found = {
        "messages_90d": len(seen),
        "bank_90d": kinds.count(MessageKind.BANK),
        "lender_90d": kinds.count(MessageKind.LENDER),
        "lender_30d": sum(each.kind == MessageKind.LENDER and each.at > at - LATELY for each in seen),
        "collection_90d": sum(each.kind == MessageKind.COLLECTION or each.sender in collectors for each in seen),
        "collectors_90d": len({each.sender for each in seen} & set(collectors)),
    }
    if seen:
        hours = [each.at.astimezone(zone).hour for each in seen]
        at_night = sum(hour >= NIGHT_BEGINS or hour < NIGHT_ENDS for hour in hours)
        found["night_percent"] = at_night * 100 // len(seen)
    return found
