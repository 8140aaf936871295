"""How staff use the back office in these journeys: sign in, find, act with a reason; and what a page must keep to."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

from lending.management.commands.bootstrap import DEMO_PASSWORD

GRAVE = ("serious", "critical")


class OfficeDesk:
    """One member of staff in one window. `shots`: where pictures of the pages are kept."""

    def __init__(self, context: BrowserContext, address: str, username: str, shots: Path) -> None:
        self.context, self.address, self.shots = context, address, shots
        self.page: Page = context.new_page()
        self.page.goto(f"{address}/admin/login/")
        self.page.fill("input[name=username]", username)
        self.page.fill("input[name=password]", DEMO_PASSWORD)
        self.page.click("button[type=submit]")
        self.page.wait_for_url("**/admin/")

    def open(self, path: str) -> None:
        answer = self.page.goto(f"{self.address}/admin/{path}")
        assert answer is not None
        assert answer.status == 200, path

    def follow(self, name: str) -> None:
        """The link or button of that name."""
        self.page.locator(f"a:has-text('{name}'), button:has-text('{name}')").first.click()
        self.page.wait_for_load_state()

    def search(self, text: str) -> None:
        self.page.fill("#searchbar", text)
        self.page.press("#searchbar", "Enter")
        self.page.wait_for_load_state()

    def rows(self) -> Any:
        return self.page.locator("#result_list tbody tr")

    def open_only_row(self) -> None:
        assert self.rows().count() == 1
        self.rows().first.locator("a").first.click()
        self.page.wait_for_load_state()

    def give_reason(self, reason: str) -> None:
        self.page.fill("input[name=reason]", reason)
        self.page.locator("form:has(input[name=reason]) button[type=submit]").click()
        self.page.wait_for_load_state()

    def panel(self, name: str) -> str:
        """The text of a panel of the page."""
        return self.page.locator(f"section[aria-label='{name}']").inner_text()

    def post(self, path: str) -> int:
        """A form sent past the page, with the session's own token; what it answers."""
        token = next(cookie["value"] for cookie in self.context.cookies() if cookie["name"] == "csrftoken")
        answer = self.context.request.post(
            f"{self.address}/admin/{path}",
            form={"reason": "a reason that says enough", "csrfmiddlewaretoken": token},
            headers={"Referer": self.address},
            max_redirects=0,
        )
        return answer.status

    def look(self, name: str) -> None:
        """A picture; nothing sticks out sideways, and axe finds nothing grave in what is ours."""
        self.page.screenshot(path=self.shots / f"{name}.png", full_page=True)
        assert self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
        found = grave(self.page)
        assert found == [], f"{name}: {found}"


def grave(page: Page, part: str = ".office") -> Sequence[str]:
    found = Axe().run(page, context=part).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:120]}"
        for violation in found
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]
