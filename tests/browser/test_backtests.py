"""An analyst starts a backtest, watches it without touching the page, and reads what came of it; at both widths."""

import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from playwright.sync_api import BrowserContext

from risk.models import Backtest, Binding, MonitoringDay, Release
from risk.rules.document import Flow
from risk.services import backtest_runs, datasets, releases
from tests.browser.conftest import work
from tests.browser.office_side import OfficeDesk
from tests.conftest import Clock

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1440, 375])
def test_start_progress_and_result(
    platform: str, new_context: Callable[..., BrowserContext], tmp_path: Path, clock: Clock, width: int
) -> None:
    with transaction.atomic():
        rows = datasets.from_sample(by="system", at=clock.at)
        stricter(clock)
    desk = OfficeDesk(new_context(width=width), platform, "analyst.lin", tmp_path)
    page = desk.page
    newest = Release.objects.filter(key="credit").latest("version")
    desk.open(f"risk/backtest/new/?release={newest.pk}&dataset={rows.pk}")
    desk.look("start")
    page.click("text=Start the backtest")
    page.wait_for_url("**/change/")
    made = Backtest.objects.get()
    assert "Waits for a worker" in page.inner_text("[data-progress-text]")
    desk.look("progress")
    opened = page.evaluate("window.openedAt = Date.now()")
    assert backtest_runs.run_next(backtest_id=made.pk, now=clock.at)
    page.wait_for_function("document.querySelector('[data-progress]').value === 1")
    assert page.evaluate("window.openedAt") == opened, "the bar moved and the page was not read again"
    assert "1 of 2 chunks of 1,000 rows" in page.inner_text("[data-progress-text]")
    while work():
        time.sleep(0.01)
    page.wait_for_selector("section[aria-label='Figures']")
    figures = desk.panel("Figures")
    assert "55.2%" in figures
    out = desk.panel("Approved before, not any more")
    made.refresh_from_db()
    assert str(made.summary["swaps"]["out"]["rows"]) in out
    page.locator("details summary").first.click()
    page.locator("section[aria-label='Scores'] details summary").click()
    desk.look("result")

    fortnight(made, newest, clock)
    desk.open("risk/monitoringday/")
    desk.look("monitoring-days")
    desk.open(f"risk/monitoringday/scenario/credit/?release={newest.pk}")
    assert f"Held against backtest #{made.pk}" in desk.panel("What is watched")
    assert page.locator(".risk-lines .alarm").count() == 2
    desk.look("monitoring")
    desk.open("risk/monitoringday/scenario/drawdown/")
    desk.look("monitoring-empty")


def fortnight(backtest: Backtest, release: Release, clock: Clock) -> None:
    """Two weeks as they would be measured, the last day with an alarm."""
    for number in range(14):
        MonitoringDay.objects.create(
            scenario=release.scenario,
            release=release,
            day=clock.at.date() - timedelta(days=13 - number),
            decisions=400,
            approved=190 + number % 4 * 6 - 60 * (number == 13),
            referred=60,
            declined=150 - number % 4 * 6 + 60 * (number == 13),
            reasons={"S02": 120 + number, "S01": 90, "P02": 30},
            scores=[[620, 400]],
            score_psi=0.02 + number * 0.004 + 0.2 * (number == 13),
            unknown={"checking": 0.02 + 0.001 * number},
            looked_at=400,
            compared_with=f"backtest #{backtest.pk}",
            alarms=ALARMS if number == 13 else [],
            through_id=number,
            measured_at=clock.at,
        )


ALARMS = [
    {"figure": "approval rate", "value": 0.3375, "level": 0.459, "threshold": 0.1},
    {"figure": "score PSI", "value": 0.272, "level": 0.0, "threshold": 0.2},
]


def stricter(clock: Clock) -> None:
    """A release of the credit flow whose grade C begins at 630 points; what serves stays as it is."""
    serving = Binding.objects.get(scenario__code="credit", role="decide").release
    assert serving is not None
    flow = releases.flow_of(serving)
    changed = json.loads(json.dumps(flow.graph).replace('">= 611"', '">= 630"'))
    assert changed != flow.graph
    flow = Flow(key=flow.key, graph=changed, scenario=flow.scenario)
    releases.release(flow=flow, author="staff:1", approver="staff:2", at=clock.at)
