"""Why a reviewer got a case, how one is passed on, and queues whose cases are dealt out."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test import Client

from review import queries, services, tasks
from review.models import Case, CaseAction, Queue, Recusal, Reviewer
from review.services import gate, reviewers
from review.services.claims import AWAY, WorkedOn
from tests.conftest import Clock
from tests.factories.borrowers import borrower
from tests.unit.review.conftest import Desk, set_up
from tests.unit.review.test_claims import _in_parallel
from users.models import StaffAct
from users.services import accounts


def deal_out(*codes: str) -> None:
    Queue.objects.filter(code__in=codes).update(mode="dispatch")


def on_duty(desk: Desk, *names: str) -> None:
    for who in names:
        services.go_on(by_id=desk.staff[who], at=desk.clock.at)


class TestWhyThisOne:
    def test_tells_what_made_it_the_next(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.clock.move(minutes=45)
        assert desk.claim("chen") == case_id
        why = queries.why_this_one(case_id)
        assert why is not None
        assert (why.queue, why.named, why.kept, why.dealt_out) == ("INI-STD", False, False, False)
        assert (why.to_due_minutes, why.skill, why.level, why.level_needed) == (15, "std", 1, 1)
        assert [points for _, points in why.parts] == [85, 0, 4]
        assert why.priority == desk.view(case_id).priority(desk.clock.at) == 89
        assert ("优先级 Priority", "89 = 时限 due +85 等待 age +4") in why.lines()

    def test_says_when_it_was_kept_and_when_its_queue_was_asked_for(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.claim("chen", "INI-STD")
        assert queries.why_this_one(case_id).named  # type: ignore[union-attr]
        desk.act("suspend", case_id, "chen", reasons=["W01"], until=desk.clock.at + timedelta(minutes=5))
        desk.act("resume", case_id, "chen")
        desk.claim("chen")
        again = queries.why_this_one(case_id)
        assert again is not None
        assert (again.kept, again.named) == (True, False)

    def test_has_nothing_to_say_of_a_case_that_nobody_has_had(self, desk: Desk) -> None:
        assert queries.why_this_one(desk.open()) is None


class TestSkip:
    def test_needs_a_reason_of_its_own_and_keeps_the_case_away_for_a_while(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.claim("chen")
        for reasons, refusal in (([], gate.ReasonNeeded), (["L01"], gate.UnknownCode)):
            with pytest.raises(refusal):
                desk.act("skip", case_id, "chen", reasons=reasons)
        desk.act("skip", case_id, "chen", reasons=["J01"], note="company law")
        assert desk.row(case_id).status == "WAITING_INITIAL"
        assert CaseAction.objects.filter(action="skip").get().reasons == ["J01"]
        assert StaffAct.objects.get(act="skip_case").reason == "codes J01 company law"
        desk.clock.move(minutes=AWAY.total_seconds() / 60 - 1)
        assert desk.claim("chen") is None
        assert desk.claim("chen", "INI-STD") is None
        desk.clock.move(minutes=1)
        assert desk.claim("chen") == case_id

    def test_leaves_it_to_others_at_once(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.claim("chen")
        desk.act("skip", case_id, "chen", reasons=["J03"])
        assert desk.claim("wu") == case_id

    def test_is_for_who_holds_it_and_has_done_nothing_to_it(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.claim("chen")
        for who in ("wu", "sun"):
            with pytest.raises(gate.NotYourCase):
                desk.act("skip", case_id, who, reasons=["J01"])
        case = desk.row(case_id)
        gate.record(case, "release", source=case.status, by=gate.actor(desk.staff["chen"]), at=desk.clock.at)
        with pytest.raises(WorkedOn):
            desk.act("skip", case_id, "chen", reasons=["J01"])

    def test_a_case_the_lead_took_away_does_not_come_straight_back(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.claim("chen")
        desk.act("release_lease", case_id, "sun", reasons=["L02"])
        assert desk.claim("chen") is None
        assert desk.claim("wu") == case_id


class TestLanguage:
    def test_a_case_goes_only_to_who_speaks_it(self, desk: Desk) -> None:
        user_id = borrower(desk.clock.at)
        get_user_model().objects.filter(pk=user_id).update(language="en")
        reviewers.appoint(user_id=desk.staff["chen"], level=1, skills=["std"], languages=["zh-hans"])
        case_id = desk.open(user_id=user_id)
        assert desk.row(case_id).language == "en"
        assert desk.claim("chen") is None
        assert desk.claim("wu") == case_id


class TestDispatch:
    def test_gives_to_the_least_loaded_on_duty(self, desk: Desk) -> None:
        deal_out("INI-STD")
        cases = [desk.open() for _ in range(4)]
        on_duty(desk, "chen", "wu")
        assert tasks.sweep() == 4
        assert tasks.sweep() == 0
        held = {pk: Case.objects.get(pk=pk).claimed_by_id for pk in cases}
        assert Counter(held.values()) == {desk.staff["chen"]: 2, desk.staff["wu"]: 2}
        why = queries.why_this_one(cases[2])
        assert why is not None
        assert (why.dealt_out, why.load) == (True, 1)
        done = CaseAction.objects.filter(action="dispatch").last()
        assert done is not None
        assert (done.actor, done.source, done.target) == ("system", "WAITING_INITIAL", "IN_INITIAL")

    def test_gives_nothing_to_who_is_not_there(self, desk: Desk) -> None:
        deal_out("INI-STD")
        desk.open()
        assert tasks.sweep() == 0
        on_duty(desk, "chen")
        services.go_off(by_id=desk.staff["chen"], at=desk.clock.at)
        assert tasks.sweep() == 0
        assert list(StaffAct.objects.order_by("id").values_list("act", flat=True)) == ["on_duty", "off_duty"]

    def test_stops_at_five_each(self, desk: Desk) -> None:
        deal_out("INI-STD")
        for _ in range(7):
            desk.open()
        on_duty(desk, "chen")
        assert tasks.sweep() == 5

    @pytest.mark.parametrize(
        ("verdict", "changed"),
        [
            ({"reasons": ("F02",)}, {"skills": ["std"]}),  # INI-FRD
            ({"grade": "D"}, {}),  # R2 + R3
            ({}, {"languages": ["en"]}),
        ],
    )
    def test_asks_for_skill_level_and_language(
        self, desk: Desk, verdict: dict[str, object], changed: dict[str, object]
    ) -> None:
        deal_out("INI-STD", "INI-FRD")
        Reviewer.objects.filter(user_id=desk.staff["chen"]).update(**changed)
        desk.open(**verdict)
        on_duty(desk, "chen")
        assert tasks.sweep() == 0
        on_duty(desk, "zhao")
        assert tasks.sweep() == 1

    def test_passes_over_relatives_and_who_skipped_it(self, desk: Desk) -> None:
        deal_out("INI-STD")
        case_id = desk.open()
        Recusal.objects.create(
            reviewer_id=desk.staff["chen"],
            borrower_id=desk.row(case_id).borrower_id,
            relation="declared",
            created_at=desk.clock.at,
        )
        on_duty(desk, "chen", "wu")
        assert tasks.sweep() == 1
        assert desk.row(case_id).claimed_by_id == desk.staff["wu"]
        desk.act("skip", case_id, "wu", reasons=["J01"])
        assert tasks.sweep() == 0

    def test_never_gives_the_final_stage_to_who_recommended(self, desk: Desk) -> None:
        deal_out("FIN-STD")
        case_id = desk.at_final("zhao")
        on_duty(desk, "zhao", "chen")
        assert tasks.sweep() == 0
        on_duty(desk, "sun")
        assert tasks.sweep() == 1
        assert desk.row(case_id).claimed_by_id == desk.staff["sun"]

    def test_is_not_what_a_claim_takes_from(self, desk: Desk) -> None:
        deal_out("INI-STD")
        desk.open()
        assert desk.claim("chen") is None
        assert desk.claim("chen", "INI-STD") is None

    def test_activity_on_one_keeps_the_others_and_an_empty_chair_gets_no_more(self, desk: Desk) -> None:
        deal_out("INI-STD")
        first, second = desk.open(), desk.open()
        on_duty(desk, "chen")
        tasks.sweep()
        desk.clock.move(minutes=14)
        desk.act("extend_lease", first, "chen")
        desk.clock.move(minutes=14)
        assert tasks.sweep() == 0
        desk.clock.move(minutes=1)
        assert tasks.sweep() == 2
        assert {desk.row(first).status, desk.row(second).status} == {"WAITING_INITIAL"}
        assert queries.reviewer(desk.staff["chen"]).on_duty_since is None  # type: ignore[union-attr]


class TestDuty:
    def test_is_for_reviewers(self, desk: Desk) -> None:
        for change in (services.go_on, services.go_off):
            with pytest.raises(gate.NotAReviewer):
                change(by_id=desk.staff["lin"], at=desk.clock.at)

    def test_is_said_on_the_desk(self, desk: Desk) -> None:
        client = Client()
        client.force_login(get_user_model().objects.get(pk=desk.staff["chen"]))
        assert "Off duty" in client.get("/admin/review/case/").content.decode()
        client.post("/admin/review/case/duty/", {"duty": "on"})
        assert "On duty since 10:00" in client.get("/admin/review/case/").content.decode()
        assert client.get("/admin/review/case/duty/").status_code == 405
        client.post("/admin/review/case/duty/", {"duty": "off"})
        assert "Off duty" in client.get("/admin/review/case/").content.decode()


@pytest.fixture
def crowd(transactional_db: None, clock: Clock) -> Iterator[Desk]:
    return Desk(set_up(clock.at), clock)


class TestManyAtOnce:
    def test_sixteen_sweeps_deal_out_each_case_once_and_nobody_gets_six(self, crowd: Desk) -> None:
        at = crowd.clock.at
        with transaction.atomic():
            deal_out("INI-STD")
            for _ in range(24):
                crowd.open()
            on_duty(crowd, "chen", "wu")
            for number in range(2):
                user_id = accounts.make_staff(
                    username=f"initial.{number}", password="a long passphrase", groups=["initial_reviewer"], at=at
                )
                reviewers.appoint(user_id=user_id, level=1, skills=["std"])
                services.go_on(by_id=user_id, at=at)

        got = _in_parallel(16, lambda _: services.assign_next(at=at))
        assert [answer for answer in got if isinstance(answer, Exception)] == []
        connection.close()
        services.run_dispatch(now=at)
        held = Counter(Case.objects.exclude(claimed_by=None).values_list("claimed_by", flat=True))
        assert sorted(held.values()) == [5, 5, 5, 5]
        assert CaseAction.objects.filter(action="dispatch").values("case").distinct().count() == 20
        assert CaseAction.objects.filter(action="dispatch").count() == 20
