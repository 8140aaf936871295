"""How old an answer may be in each scenario, as staff write and read it: "credit once, drawdown 7". Pure."""

import re
from collections.abc import Mapping

from lending.common.errors import Invalid

ONCE, EVERY_TIME = "once", "every time"


class NotAFreshness(Invalid):
    code, title = "not_a_freshness", "Scenario and days, as: credit once, drawdown 7"


def told(freshness: Mapping[str, int | None]) -> str:
    """ "-" where no scenario is named."""
    return ", ".join(f"{scenario} {_days(days)}" for scenario, days in sorted(freshness.items())) or "-"


def parsed(text: str) -> dict[str, int | None]:
    """{scenario: days; None where it is asked once}. Raises NotAFreshness."""
    found: dict[str, int | None] = {}
    for part in filter(None, (part.strip() for part in text.strip().strip("-").split(","))):
        match = re.fullmatch(r"([a-z]+)[ :]+(once|every time|[0-9]{1,4})", part, re.ASCII)
        if match is None or match[1] in found:
            raise NotAFreshness(f"{part!r} is not understood.")
        days = {ONCE: None, EVERY_TIME: 0}
        found[match[1]] = days[match[2]] if match[2] in days else int(match[2])
    return found


def _days(days: int | None) -> str:
    return {None: ONCE, 0: EVERY_TIME}.get(days, str(days))
