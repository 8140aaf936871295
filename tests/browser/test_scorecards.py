"""An analyst builds a scorecard from the sample, adjusts it, writes on at its draft; a second one saves meanwhile."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connections
from playwright.sync_api import BrowserContext, expect

from risk.models import Draft, ScorecardBuild
from risk.providers import binner
from risk.services import builds
from tests.browser.office_side import OfficeDesk
from tests.conftest import Clock

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not binner.is_installed(), reason="optbinning is not installed: make modelling"),
]
Sit = Callable[..., OfficeDesk]
CHOSEN = ("checking", "months", "savings", "credit_history")


@pytest.fixture
def office_desk(platform: str, new_context: Callable[..., BrowserContext], tmp_path: Path) -> Sit:
    def sit(username: str, *, width: int = 1440) -> OfficeDesk:
        return OfficeDesk(new_context(width=width), platform, username, tmp_path)

    return sit


def build(clock: Clock) -> None:
    """As the worker's task does."""

    def run() -> None:
        try:
            builds.run_build(build_id=ScorecardBuild.objects.get().pk, now=clock.at)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(run).result()


class TestScorecard:
    def test_comes_from_data_is_adjusted_written_on_and_never_saved_over(self, office_desk: Sit, clock: Clock) -> None:
        lin = office_desk("analyst.lin")
        lin.open("risk/dataset/")
        lin.follow("Get a dataset")
        lin.look("datasets")
        lin.page.click("button:has-text('Take the sample')")
        lin.page.wait_for_load_state()
        assert "30.0% of those with an outcome" in lin.panel("What it holds")
        lin.look("dataset")

        lin.open("risk/scorecardbuild/")
        lin.follow("Build a scorecard from data")
        lin.follow("Choose variables")
        for box in lin.page.locator("input[name=variables]").all():
            box.set_checked(box.get_attribute("value") in CHOSEN)
        lin.look("build-new")
        lin.page.click("button:text-is('Build')")
        lin.page.wait_for_load_state()
        assert "Waits for a worker" in lin.panel("Build")
        build(clock)
        expect(lin.page.locator("section[aria-label='How good it is']")).to_be_visible()
        lin.look("build")
        auc = lin.page.locator(".risk-figures b").nth(1).inner_text()
        assert 0.7 < float(auc) < 0.85

        months = lin.page.locator("article#months")
        before = months.locator("tbody tr").count()
        months.locator("button:has-text('Merge')").first.click()
        expect(months.locator("tbody tr")).to_have_count(before - 1)
        months.locator("tbody tr").last.locator("input[name=value]").fill("1")
        months.locator("tbody tr").last.locator("button:has-text('Split')").click()
        expect(months.locator("[role=alert]")).to_contain_text("does not lie inside")
        lin.page.fill("input[name=key]", "score_two")
        lin.page.click("button:has-text('Save as a draft')")
        lin.page.wait_for_load_state()
        draft = Draft.objects.get(key="score_two")
        assert {block["variable"] for block in draft.authored["blocks"]} == set(CHOSEN)
        lin.look("scorecard")
        assert "0\nproblems to mend" in lin.panel("Score")

        for name, value in {"checking": "none", "months": "6", "savings": "none"}.items():
            lin.page.fill(f"input[name=try-{name}]", value)
        expect(lin.page.locator("section[aria-label=Score]")).to_contain_text("No score: refer with N01")
        lin.page.fill("input[name=try-credit_history]", "critical_or_elsewhere")
        expect(lin.page.locator("section[aria-label=Score]")).to_contain_text("points.")
        card = lin.page.locator("article[aria-label=months]")
        card.locator("input[name$='-bin0-to']").fill("3")
        expect(card.locator(".risk-problems")).to_contain_text("no bin takes 3 to <")
        card.locator("button:has-text('Add a bin for unknown')").click()
        expect(card.locator("td:has-text('unknown')")).to_have_count(1)

        other = office_desk("analyst.he", width=375)
        other.open(f"risk/draft/{draft.pk}/card/")
        other.look("scorecard-375")
        other.page.fill("input[name=base_points]", "123")
        other.page.click("button:text-is('Save')")
        other.page.wait_for_load_state()
        expect(other.page.locator("input[name=base_points]")).to_have_value("123")

        lin.page.click("button:text-is('Save')")
        expect(lin.page.locator("[role=alert]")).to_contain_text("Somebody saved meanwhile")
        expect(card.locator("input[name$='-bin0-to']")).to_have_value("3")
        lin.page.click("button:has-text('Save mine over it')")
        expect(lin.page.locator("section[aria-label=Save]")).to_contain_text("Revision 4")
        draft.refresh_from_db()
        assert (draft.revision, len(draft.written_by)) == (4, 2)
        other.open(f"risk/scorecardbuild/{ScorecardBuild.objects.get().pk}/change/")
        other.look("build-375")
