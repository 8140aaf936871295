"""One case from the queue to the verdict by keyboard alone, by two people; and what a page does with what was typed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import transaction
from playwright.sync_api import BrowserContext, Page, expect

from lending.models import Application
from review import services
from review.models import Case
from tests.browser.office_side import GRAVE, OfficeDesk
from tests.conftest import Clock
from tests.factories.applications import judged

pytestmark = pytest.mark.browser
Sit = Callable[..., OfficeDesk]


@pytest.fixture
def sit(platform: str, new_context: Callable[..., BrowserContext], tmp_path: Path) -> Sit:
    def start(username: str, *, width: int = 1440) -> OfficeDesk:
        return OfficeDesk(new_context(width=width), platform, username, tmp_path)

    return start


def referred(clock: Clock) -> int:
    with transaction.atomic():
        application_id = judged(clock.at, "refer", grade="C")
        return services.open_or_resume_case(application_id=application_id, at=clock.at)


def grave(page: Page) -> list[str]:
    found = Axe().run(page, context=".office").response["violations"]
    return [f"{row['id']}: {node['html'][-100:]}" for row in found if row["impact"] in GRAVE for node in row["nodes"]]


def tick_everything(page: Page) -> None:
    page.keyboard.press("c")
    for number in range(page.locator("[data-checklist] input[type=checkbox]").count()):
        page.keyboard.press(str(number + 1))
    expect(page.locator("[data-checklist]")).to_contain_text("complete")  # each tick is kept at once


class TestByKeyboardAlone:
    def test_two_people_bring_a_case_from_the_queue_to_a_lower_grant(self, sit: Sit, clock: Clock) -> None:
        case_id = referred(clock)
        chen = sit("initial.chen").page
        chen.goto(chen.url.replace("/admin/", "/admin/review/case/"))
        chen.keyboard.press("n")
        chen.wait_for_url(f"**/case/{case_id}/change/")
        chen.keyboard.press("?")
        expect(chen.locator("dialog")).to_contain_text("Ask the borrower for documents")
        chen.keyboard.press("Escape")
        chen.keyboard.press("j")
        assert chen.evaluate("document.activeElement.ariaLabel") == "What to look at"
        chen.keyboard.press("m")
        chen.keyboard.type("Called the firm: she works there.")
        chen.keyboard.press("Control+Enter")
        expect(chen.locator(".desk-notes")).to_contain_text("Called the firm")
        tick_everything(chen)
        chen.keyboard.press("a")
        chen.keyboard.press("1")
        chen.keyboard.press("2")
        chen.keyboard.press("Enter")
        expect(chen.locator(".desk-who")).to_contain_text("Initial reviewer Chen")
        expect(chen.locator(".desk-why").first).to_have_text(
            "You review at the initial stage; this case is at the final stage."
        )
        assert (row := Case.objects.get()).status == "WAITING_FINAL"
        assert row.recommendation == "approve"

        zhao = sit("senior.zhao").page
        zhao.goto(zhao.url.replace("/admin/", "/admin/review/case/"))
        zhao.keyboard.press("n")
        zhao.wait_for_url(f"**/case/{case_id}/change/")
        assert grave(zhao) == []
        tick_everything(zhao)
        zhao.keyboard.press("a")
        zhao.keyboard.press("o")
        zhao.keyboard.press("Control+a")
        zhao.keyboard.type("99999")
        expect(zhao.locator("[data-quote]")).to_contain_text("At most ¥10,000.00")
        zhao.keyboard.press("Control+a")
        zhao.keyboard.type("6000")
        expect(zhao.locator("[data-quote]")).to_contain_text("¥550.08")
        assert zhao.input_value("#try-amount") == "6000"
        zhao.keyboard.press("Escape")
        zhao.keyboard.press("5")
        zhao.keyboard.press("Control+Enter")
        expect(zhao.locator(".desk-why")).to_contain_text("Closed on")
        application = Application.objects.get()
        assert (application.status, application.decided_cents) == ("GRANTED", 600_000)
        zhao.keyboard.press("g")
        zhao.keyboard.press("q")
        zhao.wait_for_url("**/review/case/")

    def test_a_lease_that_runs_out_is_told_before_and_nothing_typed_is_lost(self, sit: Sit, clock: Clock) -> None:
        case_id = referred(clock)
        desk = sit("initial.chen", width=375)
        page = desk.page
        page.goto(page.url.replace("/admin/", "/admin/review/case/"))
        page.keyboard.press("n")
        page.wait_for_url(f"**/case/{case_id}/change/")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        tick_everything(page)
        page.keyboard.press("d")
        page.keyboard.press("1")
        page.fill("#recommend_note", "Nobody picked up")
        # Twelve and a half of the fifteen minutes later, as the page reckons it.
        page.evaluate("ahead += 12.5 * 60e3; lastMove = 0")
        expect(page.locator("[data-lease-alarm]")).to_contain_text("goes back to its queue in 3 min")
        clock.move(minutes=16)
        with transaction.atomic():
            services.expire_leases(at=clock.at)
        page.click("[data-lease-alarm] button")
        expect(page.locator("[data-lease-alarm]")).to_contain_text("the time to work on it ran out")
        page.locator("#recommend_note").press("Control+Enter")
        expect(page.locator(".desk-refusal")).to_contain_text("Nothing you typed is lost")
        assert page.input_value("#recommend_note") == "Nobody picked up"
        page.locator("form[data-next] button").click()
        page.wait_for_url(f"**/case/{case_id}/change/")
        assert page.input_value("#recommend_note") == "Nobody picked up"
        assert page.locator("input[name=reasons]:checked").count() == 1
