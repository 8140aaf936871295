"""The breaker opens for everybody, lets one call through after a while, and is in nobody's way without Redis."""

import asyncio
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from lending.common import breaker
from lending.common.errors import TransientError

VENDOR = "vendor-of-the-breaker-test"


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    keys = [breaker.OPEN, *breaker._store().keys("breaker:*")]
    breaker._store().delete(*keys)


def opened() -> None:
    for _ in range(breaker.FAILURES):
        assert breaker.enter(VENDOR) is False
        breaker.failed(VENDOR, probe=False)


def rested() -> None:
    """As if the time in which nobody calls were over."""
    breaker._store().zadd(breaker.OPEN, {VENDOR: time.time() - 0.01})


def is_refused() -> bool:
    try:
        breaker.enter(VENDOR)
    except TransientError as error:
        return error.code == breaker.CODE
    return False


class TestBreaker:
    def test_opens_after_so_many_failures_and_not_before(self) -> None:
        for _ in range(breaker.FAILURES - 1):
            breaker.failed(VENDOR, probe=False)
        assert not is_refused()
        breaker.failed(VENDOR, probe=False)
        assert is_refused()

    def test_lets_one_probe_through_whose_answer_closes_it(self) -> None:
        opened()
        rested()
        assert breaker.enter(VENDOR) is True
        assert is_refused(), "one probe is enough"
        breaker.answered(VENDOR, probe=True)
        assert breaker.enter(VENDOR) is False

    def test_stays_open_where_the_probe_fails(self) -> None:
        opened()
        rested()
        breaker.failed(VENDOR, probe=breaker.enter(VENDOR))
        assert is_refused()

    def test_an_answer_to_another_call_does_not_close_it(self) -> None:
        opened()
        breaker.answered(VENDOR, probe=False)
        assert is_refused()

    def test_is_shared_with_event_loops(self) -> None:
        opened()

        async def ask() -> bool:
            return await breaker.aenter(VENDOR)

        with pytest.raises(TransientError, match="open"):
            asyncio.run(ask())
        rested()
        assert asyncio.run(ask()) is True
        asyncio.run(breaker.aanswered(VENDOR, probe=True))
        assert breaker.enter(VENDOR) is False

    def test_a_loop_opens_it_for_the_others(self) -> None:
        async def fail() -> None:
            for _ in range(breaker.FAILURES):
                await breaker.afailed(VENDOR, probe=False)
            with pytest.raises(TransientError):
                await breaker.aenter(VENDOR)

        asyncio.run(fail())
        assert is_refused()

    def test_with_redis_hanging_calls_go_through_and_the_loop_goes_on(self, settings: Any) -> None:
        silent = socket.create_server(("127.0.0.1", 0))
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        async def ask() -> bool:
            ticking = asyncio.create_task(tick())
            found = await breaker.aenter(VENDOR)
            await breaker.afailed(VENDOR, probe=False)
            ticking.cancel()
            return found

        started = time.monotonic()
        assert asyncio.run(ask()) is False
        assert time.monotonic() - started < 3
        silent.close()
        assert ticks >= 20, "the loop stood still"
