"""An analyst draws in the back office: a row into a table, checked, tried out, saved and found again."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import transaction
from openpyxl import load_workbook
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, expect

from risk.models import Decision, Draft, Release
from risk.services import drafts, replay, start_assessment
from tests.browser.office_side import GRAVE, OfficeDesk
from tests.conftest import Clock
from tests.factories.applications import submitted
from tests.factories.staff import officer

pytestmark = pytest.mark.browser
Open = Callable[[str], Page]


@pytest.fixture
def open_page(platform: str, new_context: Callable[..., BrowserContext], tmp_path: Path) -> Iterator[Open]:
    """Opens an address of the back office; afterwards nothing was asked of anybody else, and nothing went wrong."""
    desk = OfficeDesk(new_context(), platform, "admin", tmp_path)
    asked: list[str] = []
    wrong: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and "409 (Conflict)" not in message.text:  # what a stale save is told
            wrong.append(f"{message.text} {message.location}")

    desk.page.on("request", lambda request: asked.append(request.url))
    desk.page.on("console", listen)
    desk.page.on("pageerror", lambda error: wrong.append(str(error)))

    def go(path: str) -> Page:
        desk.open(path)
        expect(desk.page.get_by_text("Graph", exact=True).first).to_be_visible()
        return desk.page

    yield go
    assert [url for url in asked if not url.startswith((platform, "data:", "blob:"))] == []
    assert wrong == []
    for _ in range(200):  # it comes when the page has time for it
        if any(url.endswith(".wasm") for url in asked):
            break
        desk.page.wait_for_timeout(100)
    else:
        pytest.fail("the editor's own engine was never asked for")


@pytest.fixture
def draft(platform: str, clock: Clock) -> Draft:
    with transaction.atomic():
        release = Release.objects.get(key="credit")
        return drafts.fork(release_id=release.pk, by=officer(clock.at), at=clock.at)


def node(page: Page, name: str) -> Locator:
    return page.locator(".react-flow__node").filter(has=page.get_by_text(name, exact=True))


def to_table(page: Page, name: str) -> None:
    # The graph is drawn to fit the window: its buttons may be smaller than a click.
    node(page, name).get_by_role("button", name="Edit Table").dispatch_event("click")
    expect(page.get_by_role("button", name="Add row")).to_be_visible()


def cell(page: Page, row: int, column: int) -> Locator:
    line = page.locator(".grl-dt tbody tr").filter(has=page.get_by_text(str(row), exact=True))
    return line.first.locator("td").nth(column)


def write(page: Page, row: int, column: int, text: str) -> None:
    place = cell(page, row, column)
    place.click()
    expect(place.locator(".cm-focused")).to_be_visible()
    page.keyboard.type(text)


def rules(draft: Draft) -> list[dict[str, str]]:
    draft.refresh_from_db()
    found: list[dict[str, str]] = next(n for n in draft.authored["nodes"] if n["id"] == "grade_limit")["content"][
        "rules"
    ]
    return found


def chosen(page: Page, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()


class TestFlow:
    def test_a_row_is_added_checked_tried_out_saved_and_found_again(self, open_page: Open, draft: Draft) -> None:
        page = open_page(f"risk/draft/{draft.pk}/editor/")
        to_table(page, "grade_limit")
        page.get_by_text("Guided cells").click()  # as text
        page.get_by_role("button", name="Add row").click()
        for column, text in enumerate(('"E"', '"LINE"', "12300"), start=1):
            write(page, 14, column, text)
        expect(page.get_by_role("status").filter(has_text="Unsaved changes")).to_be_visible()

        chosen(page, "Check")
        problems = page.get_by_label("Problems")
        expect(problems).to_contain_text("1 to mend before it can be released")
        expect(problems).to_contain_text("row 13")  # the default in front of the new row takes what it waits for
        problems.get_by_role("button", name="grade_limit").click()
        expect(node(page, "grade_limit").locator(".grl-dn--selected")).to_be_visible()

        chosen(page, "Simulate")
        page.get_by_role("button", name="Run").click()
        expect(page.locator(".grl-dg__simulator__nodes-list")).to_contain_text("verdict")
        expect(page.locator(".react-flow__node .grl-dn--success").first).to_be_visible()

        page.keyboard.press("Control+s")
        expect(page.get_by_role("status").filter(has_text=re.compile(r"^Saved \d"))).to_be_visible()
        assert list(rules(draft)[-1].values())[1:] == ['"E"', '"LINE"', "12300"]

        page.reload()
        to_table(page, "grade_limit")
        expect(cell(page, 14, 3)).to_contain_text("12300")
        expect(page.get_by_role("status").filter(has_text="Nothing changed")).to_be_visible()

    def test_a_rule_set_is_dropped_chosen_and_connected_by_name(self, open_page: Open, draft: Draft) -> None:
        page = open_page(f"risk/draft/{draft.pk}/editor/")
        palette = page.locator(".draggable-component")
        expect(palette.filter(has_text="Rule set")).to_be_visible()
        assert palette.filter(has_text="Function").count() == 0
        canvas = page.locator(".react-flow__pane")
        palette.filter(has_text="Rule set").drag_to(canvas, target_position={"x": 400, "y": 450})
        page.get_by_role("combobox", name="Rule set").click()
        page.locator(".ant-select-item").filter(has_text="credit_rules").click()
        chosen(page, "Add")
        expect(page.locator(".react-flow__node").filter(has_text="Rule set")).to_have_count(2)
        chosen(page, "Save")
        expect(page.get_by_role("status").filter(has_text=re.compile(r"^Saved \d"))).to_be_visible()
        draft.refresh_from_db()
        content = {"key": "credit_rules", "passThrough": True, "inputField": None, "outputPath": "credit_rules"}
        added = draft.authored["nodes"][-1]
        assert (added["type"], added["content"]) == ("decisionNode", content | {"executionMode": "single"})

    def test_completes_the_scenarios_variables(self, open_page: Open, draft: Draft) -> None:
        page = open_page(f"risk/draft/{draft.pk}/editor/")
        to_table(page, "grade_limit")
        page.get_by_text("Guided cells").click()
        cell(page, 1, 3).click()
        expect(cell(page, 1, 3).locator(".cm-focused")).to_be_visible()
        page.keyboard.press("End")
        page.keyboard.type(" + amou", delay=50)
        expect(page.locator(".cm-tooltip-autocomplete")).to_contain_text("amount_cents")

    def test_says_when_somebody_else_saved_meanwhile(self, open_page: Open, draft: Draft, clock: Clock) -> None:
        page = open_page(f"risk/draft/{draft.pk}/editor/")
        with transaction.atomic():
            drafts.save(draft_id=draft.pk, revision=1, title="Theirs", by=officer(clock.at), at=clock.at)
        chosen(page, "Save")
        expect(page.get_by_role("alert")).to_contain_text("Somebody else saved meanwhile")


class TestExcel:
    def test_goes_out_is_changed_and_comes_in(self, open_page: Open, draft: Draft, tmp_path: Path) -> None:
        page = open_page(f"risk/draft/{draft.pk}/editor/")
        to_table(page, "grade_limit")
        with page.expect_download() as download:
            chosen(page, "Excel out")
        file = tmp_path / "limits.xlsx"
        download.value.save_as(file)
        book = load_workbook(file)
        book.active["C4"] = 7_654_300
        book.save(file)
        page.get_by_label("Excel file").set_input_files(file)
        expect(cell(page, 1, 3)).to_contain_text("7654300")
        expect(page.get_by_role("status").filter(has_text="Unsaved changes")).to_be_visible()
        chosen(page, "Save")
        expect(page.get_by_role("status").filter(has_text=re.compile(r"^Saved \d"))).to_be_visible()
        assert rules(draft)[0]["grade_limit-out-grade_limit_cents"] == "7654300"


class TestDecision:
    def test_is_drawn_with_the_path_it_took(
        self, open_page: Open, clock: Clock, workers: Callable[[], int], tmp_path: Path
    ) -> None:
        with transaction.atomic():
            start_assessment(application_id=submitted(clock.at), at=clock.at)
        while not Decision.objects.exists():
            workers()
            clock.move(seconds=1)
        row = Decision.objects.earliest("pk")
        page = open_page(f"risk/decision/{row.pk}/drawing/")
        trace = page.get_by_label("Trace")
        steps = trace.get_by_role("listitem")
        assert steps.count() == len(replay(decision_id=row.pk, trace=True).trace or ())
        steps.last.get_by_role("button").click()
        expect(trace.get_by_text("What came out")).to_be_visible()
        expect(trace.get_by_role("row").filter(has_text="outcome")).to_contain_text(row.outcome)
        expect(page.locator(".grl-dn--selected")).to_have_count(1)
        expect(page.get_by_role("button", name="Save")).to_have_count(0)
        page.screenshot(path=tmp_path / "decision.png")
        # The editor's nodes are buttons that hold buttons; everything else on the page counts.
        options = {"rules": {"nested-interactive": {"enabled": False}}}
        found = Axe().run(page, context=".risk-editor", options=options).response["violations"]
        assert [each["id"] for each in found if each["impact"] in GRAVE] == []
