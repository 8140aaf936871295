"""Do two people judge alike, and does somebody judge otherwise than before. Pure figures.

Sources: J. Cohen, "A coefficient of agreement for nominal scales" (1960); the two-proportion z test with pooled
variance of any statistics text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

Pair = tuple[str, str]  # what the one said, what the other


@dataclass(frozen=True)
class Agreement:
    """`kappa` is None with fewer than the least count, and where both always said the same one word: agreement by
    chance is certain then, and no figure says more than `agreed`."""

    count: int
    agreed: int
    kappa: float | None
    too_few: bool

    @property
    def share(self) -> float | None:
        return self.agreed / self.count if self.count else None


def agreement(pairs: Iterable[Pair], *, least: int) -> Agreement:
    """Cohen's kappa: (observed - by chance) / (1 - by chance); 1 always alike, 0 as by chance, below: opposed."""
    said = list(pairs)
    count, agreed = len(said), sum(one == other for one, other in said)
    if count < least or not count:
        return Agreement(count, agreed, None, too_few=True)
    words = {word for pair in said for word in pair}
    chance = sum(
        sum(one == word for one, _ in said) * sum(other == word for _, other in said) for word in words
    ) / (count * count)  # fmt: skip
    kappa = None if chance == 1 else (agreed / count - chance) / (1 - chance)
    return Agreement(count, agreed, kappa, too_few=False)


@dataclass(frozen=True)
class Moved:
    """A rate before and now, and how many standard errors lie between them (negative: it fell)."""

    before_count: int
    before_rate: float
    now_count: int
    now_rate: float
    z: float


def moved(
    before: tuple[int, int], now: tuple[int, int], *, least: int, z_from: float, points_from: float
) -> Moved | None:
    """`before`, `now`: (hits, cases). None unless both have `least` cases, the rates differ by `points_from` (0.1 = ten
    points) or more, and by `z_from` standard errors or more."""
    (hits_before, n_before), (hits_now, n_now) = before, now
    if min(n_before, n_now) < max(least, 1):
        return None
    rate_before, rate_now = hits_before / n_before, hits_now / n_now
    z = z_of(before, now)
    if abs(rate_now - rate_before) < points_from or abs(z) < z_from:
        return None
    return Moved(n_before, rate_before, n_now, rate_now, z)


def z_of(before: Sequence[int], now: Sequence[int]) -> float:
    """Of (hits, cases) each; 0 where all or none hit on both sides."""
    (hits_before, n_before), (hits_now, n_now) = before, now
    pooled = (hits_before + hits_now) / (n_before + n_now)
    error = sqrt(pooled * (1 - pooled) * (1 / n_before + 1 / n_now))
    return 0.0 if error == 0 else (hits_now / n_now - hits_before / n_before) / error
