"""How often somebody may fail, counted in the cache before the answer is known: a rollback forgets nothing.

A window begins with the first failure in it. What did not fail is given back.
"""

import hashlib
from dataclasses import dataclass

from django.core.cache import cache
from redis.exceptions import RedisError


class Uncounted(Exception):
    """The cache does not answer: the caller says whether that closes the door."""


@dataclass(frozen=True)
class Limit:
    """`times` failures within `seconds` of the first; then the door stays shut until that time is over."""

    name: str
    times: int
    seconds: int

    def _key(self, who: str) -> str:
        return f"attempts:{self.name}:{hashlib.sha256(who.encode()).hexdigest()}"  # no personal data in the cache

    def begin(self, who: str) -> bool:
        """Count a try of `who`; False where it is one too many. Raises Uncounted."""
        key = self._key(who)
        try:
            cache.add(key, 0, timeout=self.seconds)
            return int(cache.incr(key)) <= self.times
        except (RedisError, ValueError) as error:  # ValueError: evicted between the two
            raise Uncounted(self.name) from error

    def give_back(self, who: str) -> None:
        """It did not fail. A window that ended meanwhile needs nothing."""
        try:
            cache.decr(self._key(who))
        except (RedisError, ValueError):
            return
