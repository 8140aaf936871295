"""Which queue a case waits in, by its facts. Codes are those of the queue and reason tables."""

from collections.abc import Collection

LARGE_CENTS = 2_000_000
PHONE_MISMATCH = "F01"


def initial_queue(*, family: str, amount_cents: int, reasons: Collection[str], grey_listed: bool) -> str:
    """Business loans to their own desk, suspicion before size, a telephone check for the rest that is large."""
    if family == "business":
        return "INI-BIZ"
    if grey_listed or any(code.startswith("F") and code != PHONE_MISMATCH for code in reasons):
        return "INI-FRD"
    if amount_cents > LARGE_CENTS or PHONE_MISMATCH in reasons:
        return "CALL"
    return "INI-STD"


def final_queue(*, amount_cents: int, exception: bool, appeal: bool) -> str:
    if appeal:
        return "APPEAL"
    return "FIN-LRG" if exception or amount_cents > LARGE_CENTS else "FIN-STD"
