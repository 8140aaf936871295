"""An analyst writes a rule set in the browser: two rules, a problem mended, tried, tested, saved, still there."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import transaction
from playwright.sync_api import BrowserContext, Page, expect

from risk.models import Draft, Release
from risk.services import drafts
from tests.browser.office_side import OfficeDesk
from tests.conftest import Clock
from users.models import User

pytestmark = pytest.mark.browser


def choose(page: Page, name: str, option: str, nth: int = 0) -> None:
    page.get_by_role("combobox", name=name, exact=True).nth(nth).select_option(option)


@transaction.atomic
def begun(clock: Clock) -> Draft:
    by = f"staff:{User.objects.get(username='analyst.lin').pk}"
    return drafts.begin(
        key="young_rules", scenario="admission", form="rule_set", title="Rules for the young", by=by, at=clock.at
    )


@pytest.fixture
def desk(platform: str, new_context: Callable[..., BrowserContext], tmp_path: Path) -> OfficeDesk:
    return OfficeDesk(new_context(width=1440), platform, "analyst.lin", tmp_path)


class TestRuleSet:
    def test_is_written_mended_tried_tested_and_kept(self, desk: OfficeDesk, clock: Clock) -> None:
        draft, page = begun(clock), desk.page
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        desk.open(f"risk/draft/{draft.pk}/rules/")
        expect(page.get_by_text("There is no rule yet. Add the first")).to_be_visible()
        desk.look("rules-empty")

        page.get_by_role("button", name="Add a rule").click()
        page.get_by_label("Name").fill("young")
        choose(page, "How the conditions count", "any")
        choose(page, "Variable", "age_years")
        choose(page, "Operator", "between")
        page.get_by_label("Value for age_years, from").fill("18")
        page.get_by_label("Value for age_years, to").fill("20")
        page.get_by_role("button", name="+ condition").click()
        choose(page, "Variable", "amount_cents", 1)
        choose(page, "Operator", ">", 1)
        page.get_by_label("Value for amount_cents").fill("40,000.50")
        choose(page, "Reason", "H01")
        expect(page.get_by_text("您未满18周岁，暂不能申请。")).to_be_visible()
        choose(page, "Where it is unknown", "refer")

        page.get_by_role("button", name="Add a rule").click()
        second = page.locator("#risk-rules > li").nth(1)
        second.get_by_label("Name").fill("places")
        second.get_by_label("Variable", exact=True).select_option("province")
        second.get_by_label("Operator", exact=True).select_option("in")
        chip = second.get_by_label("Value for province: add")
        for place in ("HK", "XJ"):
            chip.fill(place)
            chip.press("Enter")
        second.get_by_role("button", name="Remove XJ").click()
        second.get_by_label("Reason").select_option("H04")
        page.keyboard.press("Control+s")
        expect(page.locator("#risk-status")).to_have_text("Saved as revision 2")
        expect(second.get_by_text("say what happens when an input is missing")).to_be_visible()
        expect(page.get_by_text("1 rule needs attention before this can be submitted.")).to_be_visible()
        desk.look("rules-problem")

        second.get_by_label("Where it is unknown").select_option("pass")
        expect(page.locator("#risk-status")).to_have_text("Unsaved changes")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("#risk-status")).to_have_text("Saved as revision 3")
        expect(page.get_by_text("Nothing is wrong with these rules.")).to_be_visible()
        first = page.locator("#risk-rules > li").first
        expect(first).to_contain_text(
            "age_years between 18 and 20 or amount_cents > ¥40,000.50 → decline H01 · unknown: refer"
        )
        page.get_by_role("button", name="Move places up").click()
        expect(page.locator("#risk-rules > li").first).to_contain_text("places")
        page.locator("#risk-rules > li").first.press("Alt+ArrowDown")
        page.get_by_role("button", name="Delete places").click()
        page.get_by_role("button", name="Undo").click()

        page.get_by_text("Values", exact=True).click()
        page.get_by_role("button", name="Load values").click()
        expect(page.get_by_label("amount_cents", exact=True)).not_to_have_value("")
        page.get_by_label("province", exact=True).fill("")
        page.get_by_label("age_years", exact=True).fill("19")
        page.get_by_role("button", name="Try it").click()
        expect(page.locator(".risk-outcome")).to_have_text("These values: decline for H01")
        expect(page.locator("#risk-rules > li").first.locator(".risk-row .risk-state")).to_have_text("hit")
        expect(second.locator(".risk-row .risk-state")).to_have_text("unknown")
        desk.look("rules-tried")
        page.keyboard.press("Control+s")

        draft.refresh_from_db()
        assert [rule["id"] for rule in draft.authored["rules"]] == ["young", "places"]
        assert draft.authored["rules"][0]["when"]["any"][1] == {
            "variable": "amount_cents", "operator": ">", "value": 4_000_050,
        }  # fmt: skip
        assert draft.authored["rules"][1]["when"]["all"][0]["value"] == ["HK"]

        page.get_by_role("link", name="Test cases").click()
        page.get_by_role("button", name="Load values").click()
        expect(page.locator("#risk-summary")).to_have_text("1 case: 1 passed, 0 failed.")
        page.get_by_role("button", name="Suggest cases").click()
        expect(page.get_by_text("Everything is reached.")).to_be_visible()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("#risk-status")).to_contain_text("Saved as revision")
        desk.look("cases")
        page.reload()
        expect(page.locator("#risk-summary")).to_contain_text(", 0 failed.")
        expect(page.locator("#risk-cases > li").first).to_contain_text("row 1")
        desk.open(f"risk/draft/{draft.pk}/rules/")
        expect(page.locator("#risk-rules > li").nth(1)).to_contain_text("province in HK → decline H04 · unknown: pass")
        assert faults == []

    def test_saved_by_two_keeps_both_works_in_sight(
        self, desk: OfficeDesk, platform: str, new_context: Callable[..., BrowserContext], tmp_path: Path, clock: Clock
    ) -> None:
        with transaction.atomic():
            release = Release.objects.filter(key="antifraud").latest("version")
            by = f"staff:{User.objects.get(username='analyst.lin').pk}"
            draft = drafts.fork(release_id=release.pk, by=by, at=clock.at)
        other = OfficeDesk(new_context(width=375), platform, "analyst.lin", tmp_path)
        for one in (desk, other):
            one.open(f"risk/draft/{draft.pk}/rules/")
        other.look("rules-narrow")
        reader = OfficeDesk(new_context(width=1440), platform, "audit.xu", tmp_path)
        reader.open(f"risk/draft/{draft.pk}/rules/")
        reader.page.locator("#risk-rules .risk-head").first.click()
        expect(reader.page.get_by_label("Tag", exact=True)).to_be_disabled()
        assert reader.page.get_by_role("button", name="Save", exact=True).count() == 0
        reader.look("rules-read-only")
        desk.look("rules-shipped")
        for one, tag in ((desk, "first"), (other, "second")):
            one.page.locator("#risk-rules .risk-head").first.click()
            one.page.get_by_label("Tag", exact=True).fill(tag)
            one.page.keyboard.press("Control+s")
            if one is desk:
                expect(desk.page.locator("#risk-status")).to_have_text("Saved as revision 2")
        dialog = other.page.get_by_role("alertdialog")
        expect(dialog).to_contain_text("saved revision 2 while you were writing")
        other.page.get_by_text("See theirs").click()
        expect(dialog.locator("mark")).to_have_count(1)
        expect(other.page.get_by_label("Tag", exact=True)).to_have_value("second")
        other.look("rules-conflict-narrow")
        other.page.get_by_role("button", name="Save mine in place of theirs").click()
        expect(other.page.locator("#risk-status")).to_have_text("Saved as revision 3")
        draft.refresh_from_db()
        assert draft.authored["rules"][0]["tag"] == "second"
        assert draft.authored["rules"][1:] == release.authored["rules"][1:]
        other.page.get_by_role("link", name="Test cases").click()
        other.page.get_by_role("button", name="Suggest cases").click()
        expect(other.page.get_by_text("Everything is reached.")).to_be_visible()
        other.look("cases-narrow")
