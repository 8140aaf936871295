"""A borrower in a browser sees which data was used, under which consent; withdraws it, takes a copy, is erased."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import transaction

from lending.management.demo import texts
from lending.models import Application, Event
from lending.services import applications
from tests.browser.test_borrower import PC, visitor
from tests.browser.visitor import Visitor
from tests.conftest import Clock
from tests.factories.applications import submitted
from users.models import Profile, User

__all__ = ["visitor"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def applies_again(clock: Clock) -> Application:
    """Another kind of loan, as an app would ask for it."""
    first = Application.objects.get()
    wish = {"product_code": "BIZ", "amount_cents": 2_000_000, "months": 12, "purpose": "business"}
    with transaction.atomic():
        return Application.objects.get(pk=submitted(clock.at, user_id=first.user_id, **wish))


def takes_away(one: Visitor) -> zipfile.ZipFile:
    one.open("/me/export/")
    one.look("export")
    seen = texts.newest(one.messages())
    one.go("[name=send]")
    one.fill(code=one.code(seen))
    one.look("export-code")
    with one.page.expect_download() as download:
        one.page.locator(".actions .button").click()
    return zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes()))


def test_sees_withdraws_takes_away_and_erases(visitor: Callable[..., Visitor], clock: Clock) -> None:
    one = visitor(width=PC, locale="en-GB")
    one.lands()
    one.signs_in()
    one.applies()
    one.until_shown("a[href*='/grants/']")

    one.open("/me/data/")
    one.look("data-used")
    row = one.page.locator("main li:has(strong:text-is('Operator report'))")
    assert "phone operator report service" in row.inner_text()
    assert "Answered" in row.inner_text()
    row.locator("a").click()
    one.page.wait_for_load_state()
    one.look("consent-as-read")
    assert "since when the number is mine" in one.page.inner_text("main")  # the words that were read
    assert "decisions are made without it" in one.page.inner_text("main")  # told before it is withdrawn
    one.go("form[action*='/withdraw/'] button")
    one.look("consent-withdrawn")
    assert "You withdrew it on" in one.page.inner_text("main")
    one.open("/me/consents/")
    one.look("consents")

    again = applies_again(clock)
    one.open("/me/erase/")
    one.look("erase-refused")
    assert "An application is under way" in one.page.inner_text("main")
    assert one.page.locator("[name=send]").count() == 0

    def decided() -> bool:
        again.refresh_from_db()
        return again.status not in ("SUBMITTED", "ASSESSING")

    one.until(decided, "the decision")
    one.open("/me/data/")
    one.look("data-used-again")
    asked, not_asked = one.page.locator("main li:has(strong:text-is('Operator report'))").all()[::-1]
    assert "Answered" in asked.inner_text()
    assert "Withdrawn" in asked.inner_text()
    assert "Not asked" in not_asked.inner_text()
    if again.status in ("REFERRED", "SUPPLEMENT"):
        with transaction.atomic():
            applications.withdraw(application_id=again.pk, by=f"user:{again.user_id}", at=clock.at)

    with takes_away(one) as taken:
        held = json.loads(taken.read("data.json"))["held"]
        assert held["users.Profile"][0]["name"] == one.person.name
        assert len(held["lending.Application"]) == 2

    one.until(lambda: not Event.objects.filter(handled_at=None).exists(), "the steps")
    one.open("/me/erase/")
    one.look("erase")
    one.asks_for_code()
    assert "Your account is erased." in one.page.inner_text("body")
    assert not Profile.objects.exists()
    assert User.objects.get(pk=again.user_id).phone is None
    one.open("/me/")
    assert "/sign-in/" in one.page.url
    assert one.faults == []
