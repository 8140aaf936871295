"""A platform for a journey: the real server on a port, the real sandbox, and the workers run by hand."""

import time
from collections.abc import Callable, Iterator
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_django.live_server_helper import LiveServer

from lending.management.demo.borrower import Borrower
from lending.sandbox.applicants import Applicant, applicant
from tests.conftest import APPS, Clock
from tests.factories.configuration import bootstrap
from tests.journeys.live import Platform
from tests.sandbox_server import SandboxClient

TODAY = date(2026, 3, 2)


def work() -> int:
    """One round of every app's sweep, as workers would do it."""
    return sum(import_module(f"{name}.tasks").sweep() or 0 for name in ("lending", *APPS))


@pytest.fixture
def platform(
    transactional_db: None, live_server: LiveServer, sandbox: SandboxClient, clock: Clock, settings: Any
) -> str:
    """The address of a platform with the demo configuration, whose vendors are the sandbox."""
    settings.SANDBOX_URL = sandbox.url
    settings.PUBLIC_URL = live_server.url
    bootstrap()
    return str(live_server.url)


@pytest.fixture
def workers() -> Callable[[], int]:
    """What a round of work is here."""
    return work


@pytest.fixture
def borrower(
    platform: str, sandbox: SandboxClient, clock: Clock, workers: Callable[[], int]
) -> Iterator[Callable[..., Borrower]]:
    """Makes the borrower of a row of the sample, who comes by our own door or by a channel's; while they wait, the
    workers work and the clock moves."""

    def wait(seconds: float) -> None:
        workers()
        clock.move(seconds=seconds)
        time.sleep(0.05)  # the sandbox answers in real time

    with (
        httpx.Client(base_url=platform, timeout=120) as api,
        httpx.Client(base_url=sandbox.url, timeout=120) as gateway,
    ):
        batch = iter(range(1, 700))
        yield lambda row, comes=Borrower: comes(api, gateway, person(row, next(batch)), patience=300, wait=wait)


def person(row: int, batch: int) -> Applicant:
    return applicant(row, batch, TODAY)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Platform]:
    """Real processes beside this one, which know nothing of the test's database."""
    live = Platform(tmp_path)
    live.start()
    yield live
    live.stop()
