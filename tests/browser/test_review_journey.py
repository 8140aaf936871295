"""Twenty mixed cases through initial and final review, by two people in two browsers, with no mouse."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from django.db import transaction
from playwright.sync_api import BrowserContext, expect

from lending.models import Application
from lending.services import applications, supplements
from review import services
from review.models import Case, CaseAction
from tests.browser.office_side import OfficeDesk
from tests.conftest import Clock
from tests.factories.applications import judged
from users import queries as users

pytestmark = pytest.mark.browser
PDF = b"%PDF-1.4 salary slip %%EOF"
CASE = re.compile(r"/case/(\d+)/change/")


# What the machine said, how it ends, how many.
STORIES = {
    "plain": ({"grade": "C"}, "GRANTED", 9),
    "small": ({"grade": "A", "amount_cents": 300_000}, "GRANTED", 3),
    "fraud": ({"grade": "C", "reasons": ("F02",)}, "DECLINED", 2),
    "doubtful": ({"grade": "C"}, "DECLINED", 2),
    "called": ({"grade": "B", "amount_cents": 3_000_000}, "GRANTED", 1),
    "supplement": ({"grade": "C"}, "GRANTED", 1),
    "suspended": ({"grade": "C"}, "GRANTED", 1),
    "appeal": ({"grade": "C"}, "GRANTED", 1),
}
# What the borrower says on the telephone; "education" is the fifth of the purposes.
ANSWERS = {
    "amount": "30000",
    "purpose": "5",
    "employer": "杭州木器厂",
    "job_changed": "2020-01-31",
    "city": "杭州",
    "net_income": "12000",
    "instalments": "0",
    "pressed": "n",
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


@pytest.fixture
def reviewers(platform: str, new_context: Callable[..., BrowserContext], tmp_path: Path) -> Sequence[Reviewer]:
    return [Reviewer(OfficeDesk(new_context(), platform, name, tmp_path)) for name in ("initial.chen", "lead.sun")]


def waiting(clock: Clock) -> dict[int, str]:
    """Twenty referred applications; case id to its story."""
    told: dict[int, str] = {}
    for kind, (verdict, _, count) in STORIES.items():
        for _ in range(count):
            with transaction.atomic():
                outcome = "decline" if kind == "appeal" else "refer"
                application_id = judged(clock.at, outcome, **verdict)
                if kind == "appeal":
                    owner = Application.objects.get(pk=application_id).user_id
                    applications.appeal(
                        application_id=application_id, reason="I have savings", by=f"user:{owner}", at=clock.at
                    )
                told[services.open_or_resume_case(application_id=application_id, at=clock.at)] = kind
    return told


def bring(case_id: int, clock: Clock) -> None:
    """The borrower answers what was asked, and the case waits again."""
    application = Case.objects.get(pk=case_id).application
    with transaction.atomic():
        supplements.answer(
            application_id=application.pk,
            by=f"user:{application.user_id}",
            texts={},
            files={"income_proof": PDF},
            at=clock.at,
        )
        services.open_or_resume_case(application_id=application.pk, at=clock.at)


class TestTwoReviewers:
    def test_take_twenty_mixed_cases_to_their_end_by_keyboard_alone(
        self, reviewers: Sequence[Reviewer], clock: Clock
    ) -> None:
        told = waiting(clock)
        chen, sun = reviewers
        done: set[tuple[int, str]] = set()

        def initial(case_id: int, kind: str) -> None:
            if kind == "supplement" and (case_id, "asked") not in done:
                done.add((case_id, "asked"))
                chen.send("s", "1")
                assert Case.objects.get(pk=case_id).status == "SUPPLEMENT"
                return bring(case_id, clock)
            if kind == "suspended" and (case_id, "put aside") not in done:
                done.add((case_id, "put aside"))
                chen.send("u", "1")
                assert Case.objects.get(pk=case_id).status == "SUSPENDED"
                clock.move(hours=1, minutes=1)
                services.run_sweep(now=clock.at)
                return None
            chen.tick_everything()
            if kind == "called":
                person = users.person(Case.objects.get(pk=case_id).borrower_id)
                chen.call_the_borrower(ANSWERS | {"id_tail": person.id_number[-4:]})
            if kind in ("fraud", "doubtful"):
                return chen.send("d", "1")
            return chen.send("a", "1")

        def final(case_id: int, kind: str) -> None:
            sun.tick_everything()
            if kind == "appeal" and (case_id, "returned") not in done:
                done.add((case_id, "returned"))
                sun.send("a", "1")
                expect(sun.page.locator(".desk-refusal")).to_contain_text("Two reviewers approve this")
                return sun.send("Escape", "r", "3")
            return sun.send("d" if kind == "doubtful" else "a", "1")

        for _ in range(5):
            while (case_id := chen.next_case()) is not None:
                initial(case_id, told[case_id])
            while (case_id := sun.next_case()) is not None:
                final(case_id, told[case_id])
            clock.move(minutes=5)

        ended = {case.pk: case.application.status for case in Case.objects.select_related("application")}
        assert ended == {case_id: STORIES[kind][1] for case_id, kind in told.items()}
        actions = set(CaseAction.objects.values_list("action", flat=True))
        assert {"supplement", "suspend", "return", "resume", "recommend", "decide"} <= actions
