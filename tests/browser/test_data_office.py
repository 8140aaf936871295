"""An analyst makes the bureau seem dead for five minutes, sees what an application meets, and that it is over."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from lending.management.demo.borrower import Borrower
from risk.models import DataPull
from tests.browser.conftest import work
from tests.browser.office_side import OfficeDesk
from tests.conftest import Clock
from tests.sandbox_server import SandboxClient
from users.models import Notice, Source

pytestmark = pytest.mark.browser


def applied(person: Borrower) -> str:
    person.sign_in()
    person.fill_in()
    person.call("POST", "me/devices", json={"fingerprint": "a" * 32, "platform": "web"})
    return str(person.await_verdict(person.apply())["status"])


def test_a_drill_is_begun_watched_and_over_by_itself(
    platform: str,
    borrower: Callable[[int], Borrower],
    new_context: Callable[..., BrowserContext],
    sandbox: SandboxClient,
    clock: Clock,
    tmp_path: Path,
) -> None:
    Source.objects.filter(code="bureau").update(pause_ms=1)
    analyst = OfficeDesk(new_context(), platform, "analyst.lin", tmp_path)
    source = Source.objects.get(code="bureau")
    analyst.open(f"users/source/{source.pk}/change/")
    analyst.follow("Outage drill")
    analyst.page.select_option("select[name=mode]", "dead")
    analyst.page.fill("input[name=minutes]", "0")
    analyst.give_reason("Does the second bureau step in?")
    assert "From 1 to 240" in analyst.page.inner_text("body")
    analyst.page.fill("input[name=minutes]", "5")
    analyst.give_reason("Does the second bureau step in?")
    assert "running, 5 min left" in analyst.panel("The drill")
    assert "bureau_b is asked in its place" in analyst.panel("The drill")
    drill = analyst.page.url

    assert applied(borrower(34)) == "GRANTED"
    analyst.page.goto(drill)
    assert "answered by bureau_b" in analyst.panel("What was met")
    met = analyst.panel("Questions")
    assert "unreachable" in met
    assert "bureau_b" in met
    for alarm in ("Outage drill", "Data source does not answer"):
        assert alarm in analyst.panel("Alarms")
    analyst.look("drill")
    assert sandbox.calls("bureau") == []
    analyst.open("")
    assert "Sources without an answer today" in analyst.panel("What waits and what is late")

    clock.move(minutes=6)
    work()
    analyst.page.goto(drill)
    assert "over since" in analyst.panel("The drill")
    assert Notice.objects.get(kind="drill_running").closed_by == "system"
    assert applied(borrower(3)) in ("GRANTED", "REFERRED", "DECLINED")
    states = dict(DataPull.objects.filter(source_code__startswith="bureau").values_list("pk", "state"))
    assert sorted(states.values()) == ["answered", "answered", "dead"]

    analyst.open("risk/budget/spend/")
    assert "First Bureau" in analyst.panel("By vendor")
    analyst.look("spend")
    narrow = OfficeDesk(new_context(width=375), platform, "analyst.lin", tmp_path)
    for path, name in ((drill, "drill"), (f"{platform}/admin/risk/budget/spend/", "spend")):
        narrow.page.goto(path)
        narrow.look(f"{name}-375")
    for path, name in (("change/", "source"), ("set/values/", "values"), ("set/drill/", "begin")):
        narrow.page.goto(f"{platform}/admin/users/source/{source.pk}/{path}")
        narrow.page.screenshot(path=tmp_path / f"{name}-375.png", full_page=True)
        analyst.open(f"users/source/{source.pk}/{path}")
        analyst.page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
    analyst.open("risk/budget/")
    analyst.page.screenshot(path=tmp_path / "budgets.png", full_page=True)
