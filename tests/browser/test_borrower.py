"""A borrower's whole way in a browser: on a phone and a PC, in both languages, with and without JavaScript."""

import time
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import httpx
import pytest

from lending.models import Loan
from lending.sandbox.applicants import applicant
from tests.browser.conftest import NewContext, work
from tests.browser.visitor import Visitor
from tests.conftest import Clock
from tests.sandbox_server import SandboxClient

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
APPROVED_ROW = 34
PHONE, PC = 375, 1440
TODAY = date(2026, 3, 2)


@pytest.fixture
def visitor(
    platform: str, sandbox: SandboxClient, clock: Clock, new_context: NewContext
) -> Iterator[Callable[..., Visitor]]:
    """Makes a visitor with a screen and a language; while they wait, the workers work and the clock moves."""
    with httpx.Client(base_url=sandbox.url, timeout=30) as gateway:

        def wait(seconds: float) -> None:
            work()
            clock.move(seconds=seconds)
            time.sleep(0.05)

        def make(*, width: int, locale: str, script: bool = True, **options: Any) -> Visitor:
            context = new_context(width=width, locale=locale, java_script_enabled=script, **options)
            person = applicant(APPROVED_ROW, 11, TODAY)
            return Visitor(context.new_page(), platform, gateway, person, wait, locale[:2], script=script)

        yield make


def goes_the_way(one: Visitor) -> None:
    one.lands()
    one.signs_in()
    one.applies()
    one.until_shown("a[href*='/grants/']")
    one.look("granted")
    one.go()
    one.draws()
    one.signs()
    one.reaches_loan()
    one.repays()
    loan = Loan.objects.get()
    assert (loan.principal_cents, loan.repayments.count()) == (500_000, 1)


@pytest.mark.parametrize(
    ("width", "locale"), [(PHONE, "zh-CN"), (PC, "en-GB")], ids=["phone in Chinese", "PC in English"]
)
def test_from_the_first_page_to_a_repaid_instalment(visitor: Callable[..., Visitor], width: int, locale: str) -> None:
    one = visitor(width=width, locale=locale)
    goes_the_way(one)
    for path in ("/home/", "/me/", "/me/consents/", "/me/data/"):
        one.open(path)
        one.look(path.strip("/").replace("/", "-"))
    assert one.faults == []


def test_without_javascript(visitor: Callable[..., Visitor]) -> None:
    one = visitor(width=PHONE, locale="en-GB", script=False)
    goes_the_way(one)
