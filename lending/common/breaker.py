"""The circuit breaker of each vendor, shared by all processes through Redis; without Redis every call goes through.

After FAILURES within WINDOW_SECONDS nobody calls for OPEN_SECONDS. Then one call of all processes goes out, the probe:
an answer closes the breaker, another failure keeps it open as long again.

`breaker:open` is a sorted set of vendors by the second until which nobody calls. An event loop never waits for Redis
on its way to a vendor that is not known to be open: it looks at a picture of that set, at most a second old.
"""

import asyncio
import logging
import time
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import redis
import redis.asyncio
from django.conf import settings
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from lending.common.errors import TransientError

logger = logging.getLogger(__name__)

FAILURES, WINDOW_SECONDS, OPEN_SECONDS = 20, 10, 5
PROBE_SECONDS = 15  # a probe whose process died is replaced after that
PICTURE_SECONDS = 1.0
REDIS_SECONDS = 0.5
OPEN = "breaker:open"
CODE = "breaker_open"

# 0: closed, 1: the caller is the probe, 2: open
ENTER = """
local till = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not till then return 0 end
if tonumber(till) <= tonumber(ARGV[2]) and redis.call('SET', KEYS[2], 1, 'NX', 'EX', ARGV[3]) then return 1 end
return 2
"""
# Two halves of the window: a failure counts for at least half of it and never longer than the whole.
FAILED = """
local count = redis.call('INCR', KEYS[3])
redis.call('EXPIRE', KEYS[3], ARGV[3])
count = count + (redis.call('GET', KEYS[4]) or 0)
if ARGV[5] == '0' and count < tonumber(ARGV[4]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('DEL', KEYS[2])
return 1
"""
ANSWERED = """
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
"""


def enter(vendor: str) -> bool:
    """Whether this call is the probe; to be told to `failed` or `answered`. Raises TransientError (breaker_open)."""
    try:
        state = int(_store().eval(ENTER, 2, *_keys(vendor)[:2], vendor, time.time(), PROBE_SECONDS))
    except redis.RedisError:
        return False
    return _is_probe(vendor, state)


def failed(vendor: str, *, probe: bool) -> None:
    """The vendor gave no answer."""
    try:
        opened = bool(_store().eval(FAILED, 4, *_keys(vendor), *_values(vendor, probe)))
    except redis.RedisError:
        logger.warning("breaker could not be counted", extra={"vendor": vendor})
        return
    if opened:
        logger.warning("breaker opened", extra={"vendor": vendor})


def answered(vendor: str, *, probe: bool) -> None:
    """The vendor answered, be it with a refusal."""
    if probe:
        try:
            _store().eval(ANSWERED, 4, *_keys(vendor), vendor)
        except redis.RedisError:
            logger.warning("breaker could not be closed", extra={"vendor": vendor})


async def aenter(vendor: str) -> bool:
    """As `enter`, on an event loop."""
    ours = _ours()
    if vendor not in await ours.open_vendors():
        return False
    try:
        found = await ours.store.eval(ENTER, 2, *_keys(vendor)[:2], vendor, str(time.time()), str(PROBE_SECONDS))
    except redis.RedisError:
        return False
    return _is_probe(vendor, int(found))


async def afailed(vendor: str, *, probe: bool) -> None:
    ours = _ours()
    try:
        opened = bool(await ours.store.eval(FAILED, 4, *_keys(vendor), *_values(vendor, probe)))
    except redis.RedisError:
        logger.warning("breaker could not be counted", extra={"vendor": vendor})
        return
    if opened:
        ours.open.add(vendor)
        logger.warning("breaker opened", extra={"vendor": vendor})


async def aanswered(vendor: str, *, probe: bool) -> None:
    if probe:
        ours = _ours()
        ours.open.discard(vendor)
        try:
            await ours.store.eval(ANSWERED, 4, *_keys(vendor), vendor)
        except redis.RedisError:
            logger.warning("breaker could not be closed", extra={"vendor": vendor})


def _is_probe(vendor: str, state: int) -> bool:
    if state == 2:
        raise TransientError("circuit breaker is open", vendor=vendor, code=CODE)
    return state == 1


def _keys(vendor: str) -> tuple[str, str, str, str]:
    half = int(time.time() / (WINDOW_SECONDS / 2))
    counts = f"breaker:failures:{vendor}"
    return OPEN, f"breaker:probe:{vendor}", f"{counts}:{half}", f"{counts}:{half - 1}"


def _values(vendor: str, probe: bool) -> tuple[str, ...]:
    return vendor, str(time.time() + OPEN_SECONDS), str(WINDOW_SECONDS), str(FAILURES), "1" if probe else "0"


@cache
def _store() -> "redis.Redis":
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


@dataclass
class _OfLoop:
    """One event loop's client of Redis, and its picture of what is open."""

    store: Any
    open: set[str] = field(default_factory=set)
    seen_at: float | None = None
    looking: "asyncio.Task[None] | None" = None

    async def open_vendors(self) -> set[str]:
        now = time.monotonic()
        if self.seen_at is None:
            self.seen_at = now
            await self._look()
        elif now - self.seen_at >= PICTURE_SECONDS and (self.looking is None or self.looking.done()):
            self.seen_at = now
            self.looking = asyncio.create_task(self._look())  # nobody waits for it
        return self.open

    async def _look(self) -> None:
        try:
            self.open = {name.decode() for name in await self.store.zrange(OPEN, 0, -1)}
        except redis.RedisError:
            self.open = set()


_of_loop: "WeakKeyDictionary[asyncio.AbstractEventLoop, _OfLoop]" = WeakKeyDictionary()


def _ours() -> _OfLoop:
    loop = asyncio.get_running_loop()
    if loop not in _of_loop:
        _of_loop[loop] = _OfLoop(
            redis.asyncio.Redis.from_url(
                settings.REDIS_URL,
                socket_timeout=REDIS_SECONDS,
                socket_connect_timeout=REDIS_SECONDS,
                retry=AsyncRetry(NoBackoff(), 0),
            )
        )
    return _of_loop[loop]
