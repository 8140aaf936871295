"""Pages of second looks, figures and overrides: who sees what, and that a look is blind until it is done."""

import re
from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from lending.management.commands.bootstrap import DEMO_PASSWORD
from review.models import DriftAlarm, SecondLook
from review.services import figures, quality
from tests.conftest import Clock
from tests.factories.configuration import bootstrap
from tests.unit.review.conftest import Desk
from users import queries as users
from users.models import User


@pytest.fixture
def case_id(db: None, clock: Clock) -> int:
    """Recommended by Chen with a note, declined by Zhao."""
    bootstrap()
    return closed(clock)


def closed(clock: Clock) -> int:
    at, accounts = clock.at, {"chen": "initial.chen", "zhao": "senior.zhao"}
    desk = Desk({name: User.objects.get(username=username).pk for name, username in accounts.items()}, clock)
    with transaction.atomic():
        case_id = desk.open()
        assert desk.claim("chen") == case_id
        desk.act("recommend", case_id, "chen", outcome="approve", reasons=["V02"], note="rings true")
        clock.at += timedelta(hours=1)
        assert desk.claim("zhao") == case_id
        desk.decide(case_id, "zhao", "decline", ("S04",), note="sounds rehearsed")
        quality.sample(cases=[desk.row(case_id)], at=clock.at)
        figures.count(day=at.date(), at=clock.at)
    return case_id


def signed_in(username: str) -> Client:
    client = Client()
    assert client.login(username=username, password=DEMO_PASSWORD)
    return client


LIST, NEXT = "admin:review_secondlook_changelist", "admin:review_look_next"
VERDICT = {"verdict": "approve", "reasons": ["V01"], "mistakes": ["E03"], "note": "income is shown by the flow"}


class TestSecondLook:
    def test_is_blind_until_it_is_done_and_answered_by_the_reviewer(self, case_id: int) -> None:
        checker, look = signed_in("quality.han"), SecondLook.objects.get()
        page = reverse("admin:review_secondlook_change", args=[look.pk])
        listed = checker.get(reverse(LIST)).content.decode()
        assert checker.post(reverse(NEXT))["Location"] == page
        shown = checker.get(page).content.decode()
        told = [
            "Reviewer Chen",
            "reviewer Chen",
            "reviewer Zhao",
            "rings true",
            "sounds rehearsed",
            "OVERRIDE",
            look.rule.code,
        ]
        text = re.sub(r"<[^>]+>", " ", shown)
        assert [word for word in told if word in text or word in re.sub(r"<[^>]+>", " ", listed)] == []
        assert "DECLINED" not in text
        person = users.person(look.case.borrower_id)
        assert [each for each in (person.phone, person.name, person.id_number) if each in shown] == []
        done = checker.post(reverse("admin:review_look_finish", args=[look.pk]), VERDICT, follow=True).content.decode()
        assert [
            word for word in ("reviewer Chen", "reviewer Zhao", "rings true", "sounds rehearsed") if word not in done
        ] == []

        reviewer = signed_in("senior.zhao")
        assert "income is shown by the flow" in reviewer.get(reverse(LIST)).content.decode()
        reviewer.post(reverse("admin:review_look_answer", args=[look.pk]), {"reply": "Seen, agreed"})
        look.refresh_from_db()
        assert (look.severity, look.reply) == (2, "Seen, agreed")

    def test_keeps_what_was_typed_where_something_is_missing(self, case_id: int) -> None:
        checker, look = signed_in("quality.han"), SecondLook.objects.get()
        checker.post(reverse(NEXT))
        address = reverse("admin:review_look_finish", args=[look.pk])
        answer = checker.post(address, {"verdict": "approve", "note": "half a thought"})
        assert (answer.status_code, "half a thought" in answer.content.decode()) == (200, True)
        wrong = checker.post(address, VERDICT | {"verdict": "decline"})
        assert "There is no such reason" in wrong.content.decode() or "Unknown: V01" in wrong.content.decode()
        look.refresh_from_db()
        assert look.done_at is None

    @pytest.mark.parametrize("username", ["senior.zhao", "lead.sun", "audit.xu", "analyst.lin", "admin"])
    def test_only_checkers_take_one(self, case_id: int, username: str) -> None:
        answer = signed_in(username).post(reverse(NEXT))
        assert answer.status_code == (302 if username == "admin" else 403)

    def test_a_checker_never_opens_the_case(self, case_id: int) -> None:
        checker = signed_in("quality.han")
        for name, args in (("review_case_change", [case_id]), ("review_case_changelist", [])):
            assert checker.get(reverse(f"admin:{name}", args=args)).status_code == 403

    @pytest.mark.parametrize(("username", "status"), [("initial.chen", 404), ("senior.zhao", 404), ("lead.sun", 200)])
    def test_a_reviewer_does_not_see_the_open_one_of_a_case(self, case_id: int, username: str, status: int) -> None:
        page = reverse("admin:review_secondlook_change", args=[SecondLook.objects.get().pk])
        assert signed_in(username).get(page).status_code == status


class TestFigures:
    @pytest.mark.parametrize("username", ["lead.sun", "manager.qian", "quality.han", "compliance.lu"])
    def test_are_of_everybody_for_who_leads_or_checks(self, case_id: int, username: str) -> None:
        shown = signed_in(username).get(reverse("admin:review_figures"))
        assert shown.status_code == 200
        told = shown.content.decode()
        assert [name for name in ("Senior reviewer Zhao", "Initial reviewer Chen", "<svg") if name not in told] == []

    def test_are_a_reviewers_own(self, case_id: int) -> None:
        told = signed_in("senior.zhao").get(reverse("admin:review_figures")).content.decode()
        assert "My figures" in told
        main = told[told.index("My figures") :]
        assert "Senior reviewer Zhao" in main
        assert "Initial reviewer Chen" not in main

    @pytest.mark.parametrize("username", ["analyst.lin", "audit.xu", "ops.gao", "funder.zhou"])
    def test_are_nobody_elses(self, case_id: int, username: str) -> None:
        client = signed_in(username)
        for page in ("review_figures", "review_agreement"):
            assert client.get(reverse(f"admin:{page}")).status_code == 403

    def test_a_reviewer_sees_no_agreement(self, case_id: int) -> None:
        assert signed_in("senior.zhao").get(reverse("admin:review_agreement")).status_code == 403

    def test_every_table_is_a_file(self, case_id: int, clock: Clock) -> None:
        lead, page = signed_in("lead.sun"), reverse("admin:review_figures")
        found = re.findall(r"csv=(\w+)", lead.get(page).content.decode())
        assert found == ["days", "waiting", "queues", "reviewers", "recommenders", "products", "stages"]
        for code in found:
            answer = lead.get(page, {"csv": code, "days": "7"})
            assert answer["Content-Type"] == "text/csv; charset=utf-8"
            assert answer.content.startswith(b"\xef\xbb\xbf")
        table = lead.get(page, {"csv": "recommenders"}).content.decode("utf-8-sig").splitlines()
        assert table[1] == "Initial reviewer Chen,1,1,0,1,100%"
        assert lead.get(page, {"csv": "nothing"}).status_code == 404

    @pytest.mark.parametrize(
        "asked", [{"from": "x", "to": "y"}, {"from": "2026-09-30", "to": "2026-09-01"}, {"days": "9"}]
    )
    def test_a_period_that_cannot_be_read_is_thirty_days(self, case_id: int, asked: dict[str, str]) -> None:
        told = signed_in("lead.sun").get(reverse("admin:review_figures"), asked).content.decode()
        assert re.search(r'href="\?days=30" aria-current="true"', told)

    def test_agreement_says_too_few_and_what_drifted(self, case_id: int, clock: Clock) -> None:
        checker = signed_in("quality.han")
        checker.post(reverse(NEXT))
        checker.post(reverse("admin:review_look_finish", args=[SecondLook.objects.get().pk]), VERDICT)
        DriftAlarm.objects.create(
            subject=f"reviewer:{User.objects.get(username='senior.zhao').pk}", metric="approval",
            raised_on=clock.at.date(), before_count=90, before_rate=0.61, now_count=40, now_rate=0.3, z=-3.3,
            raised_at=clock.at,
        )  # fmt: skip
        told = checker.get(reverse("admin:review_agreement")).content.decode()
        assert "30% of 40" in told
        assert [
            word for word in ("太少 too few", "Senior reviewer Zhao × Quality checker Han") if word not in told
        ] == []
