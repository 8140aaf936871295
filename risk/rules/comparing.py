"""Two arms of an experiment beside each other. Pure arithmetic over counts."""

import math
from dataclasses import dataclass

Z95 = 1.959964


@dataclass(frozen=True)
class Difference:
    """Of two shares: `points` in percentage points with the ends of its 95 % interval; None where an arm is empty."""

    points: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """The interval does not hold zero."""
        return self.low > 0 or self.high < 0


def difference(hits: int, of: int, other_hits: int, other_of: int) -> Difference | None:
    """Challenger's share minus the champion's (the latter given first). Normal approximation of two proportions."""
    if not of or not other_of:
        return None
    left, right = hits / of, other_hits / other_of
    error = math.sqrt(left * (1 - left) / of + right * (1 - right) / other_of)
    points = right - left
    return Difference(100 * points, 100 * (points - Z95 * error), 100 * (points + Z95 * error))
