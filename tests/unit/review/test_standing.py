"""What the desk says in place of buttons, held to what the claim and the dispatch refuse."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model

from lending.services import applications
from review import queries, services
from review.models import Queue, QueueMember, Recusal
from review.services import eligibility, reviewers
from review.services.dispatch import assign_next
from tests.factories.borrowers import borrower
from tests.unit.review.conftest import Desk
from users.services import profiles

Told = tuple[int, str, str]
SKILLS = ["std", "fraud", "biz", "call", "large", "senior"]


def stage(desk: Desk) -> Told:
    case_id = desk.at_final()
    reviewers.appoint(user_id=desk.staff["wu"], level=4, skills=SKILLS)
    return case_id, "wu", "You review at the initial stage"


def skill(desk: Desk) -> Told:
    return desk.open(reasons=("F02",)), "wu", "The queue INI-FRD needs the skill “fraud”"


def member(desk: Desk) -> Told:
    case_id = desk.open()
    QueueMember.objects.create(queue=Queue.objects.get(code="INI-STD"), reviewer_id=desk.staff["chen"])
    return case_id, "wu", "The queue INI-STD has its own members"


def level(desk: Desk) -> Told:
    return desk.open(grade="D"), "chen", "This case needs R2; you are R1."


def language(desk: Desk) -> Told:
    user_id = borrower(desk.clock.at)
    get_user_model().objects.filter(pk=user_id).update(language="en")
    reviewers.appoint(user_id=desk.staff["chen"], level=1, skills=SKILLS, languages=["zh-hans"])
    return desk.open(user_id=user_id), "chen", "The borrower's language is “en”"


def kept(desk: Desk) -> Told:
    case_id = desk.open()
    desk.claim("chen")
    desk.act("suspend", case_id, "chen", reasons=["W01"], until=desk.clock.at + timedelta(minutes=5))
    desk.act("resume", case_id, "chen")
    return case_id, "wu", "Kept for initial.chen, who knows it, until 2026-"


def did_initial(desk: Desk) -> Told:
    return desk.at_final("zhao"), "zhao", "You did the initial review"


def did_final(desk: Desk) -> Told:
    case_id = desk.in_final()
    desk.act("return_to_initial", case_id, "zhao", reasons=["T01"])
    desk.clock.move(hours=2)  # it is no longer kept for chen
    return case_id, "zhao", "You sent it back to the initial stage"


def skipped(desk: Desk) -> Told:
    case_id = desk.open()
    desk.claim("chen")
    desk.act("skip", case_id, "chen", reasons=["J01"])
    return case_id, "chen", "You passed this case on until 2026-03-02 12:00."


def recused(desk: Desk) -> Told:
    case_id = desk.open()
    values = {"reviewer_id": desk.staff["chen"], "borrower_id": desk.row(case_id).borrower_id, "relation": "named"}
    Recusal.objects.create(**values, created_at=desk.clock.at)
    return case_id, "chen", "You never get this borrower's cases: 借款人的联系人 Named as a contact."


def edited(desk: Desk) -> Told:
    user_id = borrower(desk.clock.at)
    profiles.save(user_id=user_id, by=f"staff:{desk.staff['chen']}", at=desk.clock.at, city="宁波")
    return desk.open(user_id=user_id), "chen", "You edited the data of this borrower"


def earlier_round(desk: Desk) -> Told:
    case_id = desk.in_final()
    desk.decide(case_id, "zhao", "decline", ("S03",))
    application = desk.application(case_id)
    applications.appeal(
        application_id=application.pk, reason="a slip", by=f"user:{application.user_id}", at=desk.clock.at
    )
    reviewers.appoint(user_id=desk.staff["zhao"], level=4, skills=SKILLS)
    second = services.open_or_resume_case(application_id=application.pk, at=desk.clock.at)
    return second, "zhao", "You took part in an earlier round"


TABLE: dict[str, Callable[[Desk], Told]] = {
    function.__name__: function
    for function in (
        *(stage, skill, member, level, language, kept, did_initial, did_final, skipped, recused, edited),
        earlier_round,
    )
}


class TestWhyNot:
    def test_knows_every_condition_of_the_claim(self) -> None:
        assert set(TABLE) == set(eligibility.CONDITIONS)

    @pytest.mark.parametrize("name", TABLE)
    def test_says_the_one_thing_for_which_claim_and_dispatch_refuse(self, desk: Desk, name: str) -> None:
        case_id, who, sentence = TABLE[name](desk)
        by_id, now = desk.staff[who], desk.clock.at
        found = queries.standing(desk.view(case_id), by_id, now)
        of_the_account = [said for said in found.why_not if not said.startswith("Nobody holds it.")]
        assert len(of_the_account) == 1
        assert of_the_account[0].startswith(sentence)
        assert services.claim_next(by_id=by_id, at=now, only=case_id) is None
        Queue.objects.update(mode="dispatch")
        services.go_on(by_id=by_id, at=now)
        assert assign_next(at=now) is None

    def test_is_empty_for_the_holder_even_without_what_a_claim_asks_for(self, desk: Desk) -> None:
        case_id = desk.open()
        assert desk.claim("chen") == case_id
        reviewers.appoint(user_id=desk.staff["chen"], level=1, skills=[])
        found = queries.standing(desk.view(case_id), desk.staff["chen"], desk.clock.at)
        assert (found.holds, found.why_not) == (True, ())
        profiles.save(
            user_id=desk.row(case_id).borrower_id, by=f"staff:{desk.staff['chen']}", at=desk.clock.at, city="宁波"
        )
        found = queries.standing(desk.view(case_id), desk.staff["chen"], desk.clock.at)
        assert found.why_not == ("You edited the data of this borrower: another person must review it.",)

    def said(self, desk: Desk, case_id: int, who: str) -> str:
        return " ".join(queries.standing(desk.view(case_id), desk.staff[who], desk.clock.at).why_not)

    def test_tells_who_may_have_it_what_is_still_to_do(self, desk: Desk) -> None:
        case_id = desk.open()
        assert self.said(desk, case_id, "chen") == "Nobody holds it. “Next case” hands out the most urgent one."
        assert "“Next case” leaves it to R1: choose the queue INI-STD" in self.said(desk, case_id, "sun")
        for _ in range(5):
            desk.open()
            desk.claim("chen")
        last = desk.open()
        assert "Five cases are open on your desk" in self.said(desk, last, "chen")

    def test_tells_of_a_queue_that_is_dealt_out(self, desk: Desk) -> None:
        case_id = desk.open()
        Queue.objects.update(mode="dispatch")
        said = self.said(desk, case_id, "chen")
        assert "Cases of INI-STD are dealt out to the least loaded on duty. You are off duty" in said
        services.go_on(by_id=desk.staff["chen"], at=desk.clock.at)
        assert "off duty" not in self.said(desk, case_id, "chen")
