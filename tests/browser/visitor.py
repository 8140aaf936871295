"""A borrower with a phone in one hand: goes through the pages as people do, reads texts from the sandbox's gateway."""

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from lending.management.demo import texts
from lending.sandbox.applicants import Applicant

SCREENS = {375: 812, 1440: 900}
SERIOUS = ("serious", "critical")
# Where pictures of every page are kept; unset, none are taken.
PICTURES = os.environ.get("PICTURES")


@dataclass
class Visitor:
    """`wait` lets the workers work."""

    page: Page
    site: str
    gateway: httpx.Client
    person: Applicant
    wait: Callable[[float], None]
    language: str = "en"
    patience: float = 60
    script: bool = True
    faults: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    # --- looking ------------------------------------------------------------------------------------------------

    def open(self, path: str) -> None:
        self.page.goto(f"{self.site}{path}", wait_until="load")

    def look(self, what: str) -> None:
        """On a phone's and a PC's screen: accessible and no wider than the screen; kept as a picture."""
        if what in self.seen or not self.script:
            return
        self.seen.add(what)
        own = self.page.viewport_size
        for width in SCREENS:
            self.page.set_viewport_size({"width": width, "height": SCREENS[width]})
            self.faults += [f"{what} at {width}: {fault}" for fault in self._faults()]
            if PICTURES:
                Path(PICTURES).mkdir(parents=True, exist_ok=True)
                name = f"{self.language}-{width}-{len(self.seen):02}-{what}"
                self.page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)
        if own:
            self.page.set_viewport_size(own)

    def _faults(self) -> list[str]:
        wide = self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1")
        rules = Axe().run(self.page).response["violations"]
        nodes = [(rule, node) for rule in rules if rule["impact"] in SERIOUS for node in rule["nodes"]]
        return ["wider than the screen"] * wide + [f"{rule['id']}: {node['html'][:160]}" for rule, node in nodes]

    def until(self, true: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            if found := true():
                return found
            self.wait(0.5)
        raise AssertionError(f"{what}: still at {self.page.url}\n{self.page.inner_text('main')[:1500]}")

    def until_there(self, pattern: str) -> None:
        """Until the address matches, which the page must bring about by itself."""
        self.until(lambda: re.search(pattern, self.page.url), pattern)

    def until_shown(self, selector: str) -> None:
        self.until(lambda: self.page.locator(selector).first.is_visible(), selector)

    # --- touching -----------------------------------------------------------------------------------------------

    def fill(self, **values: str) -> None:
        for name, value in values.items():
            self.page.locator(f"[name='{name}']").first.fill(value)

    def choose(self, name: str, value: str) -> None:
        control = self.page.locator(f"select[name='{name}']")
        if control.count():
            control.select_option(value)
        else:
            self.page.locator(f"[name='{name}'][value='{value}']").check(force=True)

    def go(self, selector: str = ".actions .button:visible") -> None:
        """Press the main action of the page."""
        self.page.locator(selector).first.click()
        self.page.wait_for_load_state()

    def messages(self) -> texts.Messages:
        answer = self.gateway.get("/sms", params={"phone": self.person.phone, "limit": 50})
        found: texts.Messages = answer.json()["messages"]
        return found

    def code(self, seen: str) -> str:
        """The newest code that came after the message `seen`."""
        return str(self.until(lambda: texts.code_after(self.messages(), seen), "the code by text message"))

    def asks_for_code(self, press: str = "[name=send]") -> None:
        """Ask for a code, wait for the text, type it, send it."""
        seen = texts.newest(self.messages())
        self.go(press)
        self.fill(code=self.code(seen))
        self.go()

    # --- the way ------------------------------------------------------------------------------------------------

    def lands(self, amount: str = "8000", months: str = "12") -> None:
        self.open("/")
        self.look("landing")
        self.fill(amount=amount)
        self.page.locator("[name=amount]").first.blur()
        self.choose("months", months)
        go, asked = self.page.locator("[data-part=go] a"), f"amount={amount}&months={months}"
        if self.script:
            self.until(lambda: asked in str(go.get_attribute("href")), "the quote")
        else:
            self.go("form[data-quote] button")
        self.go("[data-part=go] a")

    def signs_in(self) -> None:
        self.until_there("/sign-in/")
        self.look("sign-in")
        self.fill(phone=self.person.phone)
        self.page.locator("[name=accept]").check()
        seen = texts.newest(self.messages())
        self.go()
        self.look("code")
        self.fill(code=self.code(seen))
        self.go()

    def applies(self) -> None:
        """From the amount to the button that sends it."""
        person = self.person
        self.until_there("/apply/")
        self.look("amount")
        self.choose("purpose", "education")
        self.go()
        self.until_there("/identity/")
        self.look("identity")
        self.fill(name=person.name, id_number=person.id_number, id_expires_on=person.id_expires_on.isoformat())
        self.page.locator("[name=accept]").check()
        self.go()
        self.until_there("/details/")
        self.look("details")
        self.choose("province", person.province)
        self.choose("housing", person.wish.housing)
        self.choose("employment", person.wish.employment)
        self.choose("savings", person.savings)
        self.fill(city=person.city, address=person.address, employer=person.employer, job=person.job)
        wish = person.wish
        self.fill(net_income=str(wish.net_income_cents // 100))
        self.fill(instalments_elsewhere=str(wish.instalments_elsewhere_cents // 100))
        self.go()
        self.until_there("/contacts/")
        self.look("contacts")
        self.choose("contact-0-relation", "friend")
        self.fill(**{"contact-0-name": "李芳", "contact-0-phone": "13900139000"})
        self.go()
        self.until_there("/agreements/")
        self.look("agreements")
        for _ in range(2):
            self.go("a.item:not(.badge)")
            self.look("sign-document")
            self.asks_for_code()
        for box in self.page.locator("[name=accept]:not([disabled])").all():
            box.check()
        self.go()
        self.authorises_operator()
        self.until_there("/confirm/")
        self.look("confirm")
        self.until_shown(".actions .button:not([disabled])")
        self.go()

    def authorises_operator(self) -> None:
        """By the code that the carrier texts, or on its page, as the number's carrier has it."""
        self.until_there("/me/operator/")
        self.look("operator")
        seen = texts.newest(self.messages())
        self.go("[value=start]")
        page = "a[href*='/operator/v1/page']"
        self.until_shown(f"[name=code], {page}")
        self.look("operator-at-the-carrier")
        if self.page.locator("[name=code]").count():
            self.fill(code=self.code(seen))
            self.go("[value=code]")
        else:
            self.go(page)
            self.go("[value=agree]")
        self.until_there("/me/operator/")
        self.until_shown("a.button[href*='/confirm/']:not(.second)")
        self.look("operator-done")
        self.go()

    def adds_card(self, index: int = 0) -> None:
        self.look("card-new")
        self.fill(number=self.person.cards[index].number, phone=self.person.phone)
        seen = texts.newest(self.messages())
        self.go()
        self.until_shown("[name=code]")
        self.look("card-code")
        self.fill(code=self.code(seen))
        self.go()

    def draws(self, amount: str = "5000") -> None:
        """From the limit to the drawdown's page."""
        self.until_there("/grants/")
        self.look("grant")
        self.fill(amount=amount)
        self.go()
        self.until_there("/draw/")
        self.look("draw")
        if not self.page.locator("[name=card]").count():
            self.go("a[href*='/cards/new/']")
            self.adds_card()
            self.until_there("/draw/")
        for _ in range(2):
            self.go("a.item")
            self.look("consent-lenders")
            self.asks_for_code()
            self.until_there("/draw/")
        self.look("draw-ready")
        self.go()
        self.until_there("/drawdowns/")

    def signs(self) -> None:
        self.until_shown("a[href$='/sign/']")
        self.look("ready-to-sign")
        self.go("a[href$='/sign/']")
        self.look("cost-sheet")
        if self.script:
            assert self.page.locator("[data-seconds]").is_disabled()
            self.page.wait_for_timeout(5500)
        else:
            self.go("[data-seconds]")  # too early: the sheet again
            assert self.page.locator("[data-seconds]").count() == 1
        self.wait(6)
        self.go("[data-seconds]")
        self.look("sign")
        self.go("a.item >> nth=1")
        self.look("contract")
        self.page.go_back()
        self.asks_for_code()

    def reaches_loan(self) -> None:
        self.until_shown("a[href*='/loans/']")
        self.look("paid")
        self.go("a[href*='/loans/']")
        self.look("loan")

    def repays(self) -> None:
        self.go("a[href$='/repay/']")
        self.look("repay")
        self.go()
        self.look("collecting")
        self.until_shown("h2 + .list .item strong")  # what has been repaid
        self.until(lambda: self.page.locator("main[data-live]").count() == 0, "the collection")
        self.look("repaid")
