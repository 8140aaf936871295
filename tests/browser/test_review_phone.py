"""A verification by telephone by keyboard alone: the number, the call, one question at a time, back, off and on."""

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import transaction
from playwright.sync_api import BrowserContext, Page, expect

from review import queries, services
from tests.browser.office_side import GRAVE, OfficeDesk
from tests.conftest import Clock
from tests.factories.applications import judged
from users import queries as users

pytestmark = pytest.mark.browser


def grave(page: Page) -> list[str]:
    found = Axe().run(page, context=".office").response["violations"]
    return [f"{row['id']}: {node['html'][-100:]}" for row in found if row["impact"] in GRAVE for node in row["nodes"]]


def test_a_call_is_held_by_keyboard_alone(
    platform: str, new_context: Callable[..., BrowserContext], tmp_path: Path, clock: Clock
) -> None:
    with transaction.atomic():
        application_id = judged(clock.at, "refer", grade="B", amount_cents=3_000_000)
        case_id = services.open_or_resume_case(application_id=application_id, at=clock.at)
    page = OfficeDesk(new_context(width=1440), platform, "initial.chen", tmp_path).page
    case = queries.case(case_id)
    assert case is not None
    person = users.person(case.borrower_id)
    page.goto(page.url.replace("/admin/", "/admin/review/case/"))
    page.keyboard.press("n")
    page.wait_for_url(f"**/case/{case_id}/change/")
    page.keyboard.press("t")
    page.wait_for_url(f"**/calling/{case_id}/")
    assert grave(page) == []
    page.screenshot(path=tmp_path / "whom.png", full_page=True)
    page.keyboard.press("1")
    expect(page.locator(".phone-number")).to_have_text(person.phone)
    page.screenshot(path=tmp_path / "line.png", full_page=True)
    page.keyboard.press("1")
    expect(page.locator(".phone-question")).to_contain_text("Did you apply")
    page.keyboard.press("y")
    expect(page.locator("#answer")).to_be_focused()
    page.keyboard.type(person.id_number[-4:])
    page.keyboard.press("Enter")
    expect(page.locator(".phone-question")).to_contain_text("How much")
    page.keyboard.press("PageUp")
    expect(page.locator("#answer")).to_have_value(person.id_number[-4:])
    expect(page.locator("#answer")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".phone-question")).to_contain_text("How much")
    expect(page.locator("#answer")).to_be_focused()
    page.keyboard.type("30000")
    page.keyboard.press("Escape")
    expect(page.locator("body")).to_contain_text("Whom to call")
    page.keyboard.press("1")
    expect(page.locator(".phone-number")).to_have_text(person.phone)
    page.keyboard.press("1")
    expect(page.locator(".phone-question")).to_contain_text("How much")
    page.screenshot(path=tmp_path / "ask.png", full_page=True)
    expect(page.locator("#answer")).to_be_focused()
    page.keyboard.type("30000")
    page.keyboard.press("Enter")
    expect(page.locator(".phone-question")).to_contain_text("What is the money for")
    assert grave(page) == []
    page.set_viewport_size({"width": 375, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.screenshot(path=tmp_path / "narrow.png", full_page=True)
    page.keyboard.press("5")
    expect(page.locator(".phone-question")).to_contain_text("Where do you work")
    expect(page.locator("#answer")).to_be_focused()
    page.keyboard.type("somewhere else")
    page.keyboard.press("Enter")
    expect(page.locator(".phone-question")).to_contain_text("Since when")
    assert [answer.agreement for answer in queries.phone_log(case_id).checks[0].answers][-2:] == ["match", "mismatch"]
