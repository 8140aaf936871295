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
    """Challenger's share minus the champion's (the latter given first), with Newcombe's interval out of Wilson's.

    The normal approximation calls 1 of 5 against 4 of 5 a difference of up to 110 points. Source: R. G. Newcombe,
    Statistics in Medicine 17 (1998), method 11.
    """
    if not of or not other_of:
        return None
    left, right = hits / of, other_hits / other_of
    (low, high), (other_low, other_high) = _wilson(hits, of), _wilson(other_hits, other_of)
    points = right - left
    return Difference(
        100 * points,
        100 * (points - math.hypot(right - other_low, high - left)),
        100 * (points + math.hypot(other_high - right, left - low)),
    )


def _wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share, with continuity correction: it never claims more than few decisions can say."""
    square, share = Z95 * Z95, hits / of
    middle, width = 2 * hits + square, 2 * (of + square)
    below = square - 2 - 1 / of + 4 * share * (of * (1 - share) + 1)
    above = square + 2 - 1 / of + 4 * share * (of * (1 - share) - 1)
    low = 0.0 if hits == 0 else (middle - 1 - Z95 * math.sqrt(below)) / width
    high = 1.0 if hits == of else (middle + 1 + Z95 * math.sqrt(above)) / width
    return max(low, 0.0), min(high, 1.0)
