"""What every test may ask for: a database, a clock that stands still, the sandbox, and a platform run by hand."""

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.test import TransactionTestCase
from whitenoise.middleware import WhiteNoiseMiddleware

from lending.common import clock as platform_clock
from tests.flush import flush
from tests.migrated import migrated_database
from tests.order import spread
from tests.sandbox_server import SandboxClient, running_sandbox

OPENING = datetime(2026, 3, 2, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))  # a Monday, everything open
APPS = ("users", "risk", "review", "funding", "contracts", "traffic")
ROUNDS = 60


class Clock:
    """Stands still until it is moved. `at` is the instant that doors and tasks see."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def move(self, **amount: float) -> datetime:
        """Forward by timedelta(**amount)."""
        self.at += timedelta(**amount)
        return self.at

    def set(self, at: datetime) -> None:
        self.at = at


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = spread(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Each process copies one migrated database: migrating takes ten seconds, a copy one."""
    django_settings.DATABASES["default"].setdefault("TEST", {})["TEMPLATE"] = migrated_database()


@pytest.fixture(scope="session", autouse=True)
def _quick_flush() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", flush)
        yield


@pytest.fixture(scope="session", autouse=True)
def _static_files_found_once() -> Iterator[None]:
    """Every client of a test makes the middleware anew; looking for all the files took as long as five requests."""
    first: dict[str, Any] = {}

    def begin(self: WhiteNoiseMiddleware, get_response: Any) -> None:
        if not first:
            find(self, get_response)
            first.update(vars(self))
        vars(self).update(first, get_response=get_response)

    find = WhiteNoiseMiddleware.__init__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "__init__", begin)
        yield


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock(OPENING)
    platform_clock.set_source(lambda: clock.at)
    yield clock
    platform_clock.set_source(None)


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    yield
    cache.clear()


@pytest.fixture(scope="session")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One sandbox process for each test process."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox") / "state.sqlite3") as server:
        django_settings.SANDBOX_URL = server.url
        yield server.url


@pytest.fixture
def sandbox(sandbox_url: str) -> Iterator[SandboxClient]:
    client = SandboxClient(sandbox_url)
    yield client
    client.reset()


@pytest.fixture
def drain(clock: Clock) -> Callable[..., int]:
    """Run every app's sweep, as workers without a broker would, until a whole round finds nothing to do.

    `step` moves the clock after each round, so that back-off and polling come due.
    """

    def run(*, step: timedelta = timedelta(seconds=1), rounds: int = ROUNDS) -> int:
        total = 0
        for _ in range(rounds):
            handled = sum(import_module(f"{name}.tasks").sweep() or 0 for name in ("lending", *APPS))
            if not handled:
                return total
            total += handled
            clock.at += step
        raise AssertionError(f"not at rest after {rounds} rounds")

    return run
