"""When spend on data is near its budget, or over it. Pure."""

SHIPPED = {"day": (500_000, 80), "application": (650, 100), "funded": (2_000, 100)}  # kind: (cents, alarm at percent)
APPLICATION_DAYS, FUNDED_DAYS = 7, 30
AT_LEAST = 20  # applications or loans, fewer make no average


def alarm_cents(limit_cents: int, percent: int) -> int:
    """The least spend that is at least `percent` of the limit."""
    return -(-limit_cents * percent // 100)


def reached(used_cents: int, limit_cents: int, percent: int) -> int:
    """The highest of the alarm's percent and 100 that is reached; 0 where neither is."""
    return max((step for step in (percent, 100) if used_cents * 100 >= limit_cents * step), default=0)


def average(cents: int, count: int) -> int | None:
    """Per one of them, rounded up; None where they are too few."""
    return -(-cents // count) if count >= AT_LEAST else None
