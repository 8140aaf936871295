"""The system's Chromium against a platform in this process. Without one, browser tests say how to get it."""

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from tests.journeys.conftest import borrower, platform
from tests.journeys.conftest import work as sweep

PATIENCE_MS = 120_000  # what a page may take on a slow machine that has everything else to do
expect.set_options(timeout=PATIENCE_MS)

__all__ = ["borrower", "platform"]  # fixtures: the address of a platform, and borrowers who come through its API

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
INSTALL = "no Chromium on this machine; install it with: apt-get install chromium"
NewContext = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for a module: Playwright's loop must not run beside other tests. Skips where the system has none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(INSTALL)
    # Playwright's loop runs in this thread, which Django takes for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
            yield browser
            browser.close()
    finally:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def new_context(chromium: Browser) -> Iterator[NewContext]:
    """Opens a window of its own: `new_context(width=375, locale="zh-CN")`. Closed after the test."""
    opened: list[BrowserContext] = []

    def open_one(*, width: int = 1440, height: int = 900, locale: str = "en-US", **options: object) -> BrowserContext:
        context = chromium.new_context(viewport={"width": width, "height": height}, locale=locale, **options)
        context.set_default_timeout(PATIENCE_MS)
        opened.append(context)
        return context

    yield open_one
    for context in opened:
        context.close()


# In the tests' own thread Playwright's loop runs, and beside it nothing that starts another (sealing does).
_worker = ThreadPoolExecutor(1)


def work() -> int:
    """One round of every app's sweep."""
    return _worker.submit(sweep).result()


@pytest.fixture
def workers() -> Callable[[], int]:
    return work


@pytest.fixture(scope="session", autouse=True)
def _leave_the_database(django_db_setup: None) -> Iterator[None]:
    yield
    _worker.submit(connections.close_all).result()
