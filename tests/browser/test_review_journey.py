"""Twenty mixed cases through initial and final review, by two people in two browsers, with no mouse."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from lending.management.demo.borrower import Borrower
from lending.sandbox.applicants import Applicant
from review import services
from review.models import AuthorityVersion, Case, CaseAction
from tests.browser.office_side import OfficeDesk, grave
from tests.conftest import Clock

pytestmark = pytest.mark.browser
CASE = re.compile(r"/case/(\d+)/change/")


@dataclass(frozen=True)
class Story:
    """Rows of the sample whom the shipped strategy refers (the last one it declines), and how their cases end."""

    rows: Sequence[int]
    ends: str = "GRANTED"
    yuan: int | None = None  # asked for instead of what the row asks for


STORIES = {
    "weak score": Story((14, 23, 35, 38, 71, 85, 87, 108)),
    "on a list": Story((194, 776, 970)),
    "small": Story((485,), yuan=3_000),
    "doubtful": Story((78, 102, 127), ends="DECLINED"),
    "called": Story((97,), yuan=30_000),
    "supplement": Story((11,)),
    "suspended": Story((131,)),
    "returned": Story((119,)),
    "appeal": Story((28,), ends="DECLINED"),
}


class Reviewer:
    """One person at one keyboard."""

    def __init__(self, desk: OfficeDesk) -> None:
        self.desk, self.page = desk, desk.page
        self.desk.open("review/case/")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def next_case(self) -> int | None:
        """Claims; None where nothing waits."""
        self.follow("n")
        found = CASE.search(self.page.url)
        return int(found.group(1)) if found else None

    def follow(self, key: str) -> None:
        """A key that leads to another page."""
        with self.page.expect_navigation():
            self.press(key)

    def send(self, *keys: str) -> None:
        """The keys of an act, and the one that sends it."""
        self.press(*keys)
        self.follow("Control+Enter")

    def tick_everything(self) -> None:
        boxes = self.page.locator("[data-checklist] input[type=checkbox]")
        self.press("c")
        for number, ticked in enumerate(boxes.evaluate_all("boxes => boxes.map(box => box.checked)")):
            if not ticked:
                self.press(str(number + 1))

    def call_the_borrower(self, answers: Mapping[str, str]) -> None:
        """The whole script; yes where `answers` says nothing."""
        case = self.page.url
        self.follow("t")
        self.follow("1")  # show the number
        self.follow("1")  # answered
        while self.page.locator("legend.phone-question").count():
            answer = answers.get(self.page.locator("input[name=key]").first.input_value(), "y")
            if self.page.locator("#answer").count():
                self.page.keyboard.type(answer)
                answer = "Enter"
            self.follow(answer)
        self.follow("Backspace")
        assert self.page.url == case


def answers_of(person: Applicant) -> dict[str, str]:
    """What the borrower says on the telephone; the purpose is the first of the choices."""
    assert person.wish.purpose == "consumer"
    return {
        "id_tail": person.id_number[-4:],
        "amount": str(person.wish.amount_cents // 100),
        "purpose": "1",
        "employer": person.employer,
        "job_changed": "2020-01-31",
        "city": person.city,
        "net_income": str(person.wish.net_income_cents // 100),
        "instalments": str(person.wish.instalments_elsewhere_cents // 100),
        "pressed": "n",
    }


@pytest.fixture
def reviewers(platform: str, new_context: Callable[..., BrowserContext], tmp_path: Path) -> Sequence[Reviewer]:
    return [Reviewer(OfficeDesk(new_context(), platform, name, tmp_path)) for name in ("initial.chen", "lead.sun")]


@pytest.fixture
def applied(borrower: Callable[[int], Borrower]) -> dict[int, tuple[str, Borrower, str]]:
    """The demo's borrowers until a person must look at them: case to its story, who it is, and their application."""
    told: dict[int, tuple[str, Borrower, str]] = {}
    for kind, story in STORIES.items():
        for row in story.rows:
            one = borrower(row)
            if story.yuan:
                one.person = replace(one.person, wish=replace(one.person.wish, amount_cents=story.yuan * 100))
            one.sign_in()
            one.fill_in()
            application_id = one.apply()
            status = one.await_verdict(application_id, also=("REFERRED",))["status"]
            assert status == ("DECLINED" if kind == "appeal" else "REFERRED"), row
            if kind == "appeal":
                one.call("POST", f"applications/{application_id}/appeal", json={"reason": "Please look at my savings."})
            cases = Case.objects.filter(application__public_id=application_id)
            case = one.until(cases.first, what="a case")
            told[case.pk] = (kind, one, application_id)
    return told


# What a lead looks at beside the cases.
PAGES = (
    *("review/case/", "review/case/batch/?ids=1,2", "review/secondlook/agreement/", "review/secondlook/figures/"),
    *("review/authorityversion/", "review/authorityversion/{version}/change/", "review/authorityversion/draft/"),
    *("review/batchrule/", "review/batchrule/draft/", "review/batchchange/"),
)


def check_pages(desk: OfficeDesk) -> None:
    """Nothing sticks out sideways, and axe finds nothing grave, on a desk and on a telephone."""
    version = AuthorityVersion.objects.latest("pk").pk
    for path in (page.format(version=version) for page in PAGES):
        desk.open(path)
        for width in (1440, 375):
            desk.page.set_viewport_size({"width": width, "height": 900})
            assert desk.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (path, width)
            assert grave(desk.page, "#main") == [], (path, width)


class TestTwoReviewers:
    def test_take_twenty_mixed_cases_to_their_end_by_keyboard_alone(
        self,
        applied: dict[int, tuple[str, Borrower, str]],
        reviewers: Sequence[Reviewer],
        workers: Callable[[], int],
        clock: Clock,
    ) -> None:
        assert len(applied) == 20
        chen, sun = reviewers
        done: set[tuple[int, str]] = set()

        def initial(case_id: int, kind: str) -> None:
            if kind == "supplement" and (case_id, "asked") not in done:
                done.add((case_id, "asked"))
                chen.send("s", "1")
                assert Case.objects.get(pk=case_id).status == "SUPPLEMENT"
                _, who, application_id = applied[case_id]
                who.answer_supplement(application_id)
                return None
            if kind == "suspended" and (case_id, "put aside") not in done:
                done.add((case_id, "put aside"))
                chen.send("u", "1")
                assert Case.objects.get(pk=case_id).status == "SUSPENDED"
                clock.move(hours=1, minutes=1)
                services.run_sweep(now=clock.at)
                return None
            chen.tick_everything()
            if kind == "called":
                chen.call_the_borrower(answers_of(applied[case_id][1].person))
            if kind == "doubtful":
                return chen.send("d", "1")
            return chen.send("a", "1")

        def final(case_id: int, kind: str) -> None:
            sun.tick_everything()
            if kind == "returned" and (case_id, "returned") not in done:
                done.add((case_id, "returned"))
                return sun.send("r", "2")
            if kind == "appeal":
                sun.send("a", "1")
                expect(sun.page.locator(".desk-refusal")).to_contain_text("Two reviewers approve this")
                sun.press("Escape")
                return sun.send("d", "1")
            return sun.send("d" if kind == "doubtful" else "a", "1")

        for _ in range(5):
            while (case_id := chen.next_case()) is not None:
                initial(case_id, applied[case_id][0])
            while (case_id := sun.next_case()) is not None:
                final(case_id, applied[case_id][0])
            workers()
            clock.move(minutes=5)

        ended = {
            kind: {
                who.application(application_id)["status"]
                for kind_, who, application_id in applied.values()
                if kind_ == kind
            }
            for kind in STORIES
        }
        assert ended == {kind: {story.ends} for kind, story in STORIES.items()}
        actions = set(CaseAction.objects.values_list("action", flat=True))
        assert {"supplement", "suspend", "return", "resume", "recommend", "decide"} <= actions
        check_pages(sun.desk)
