"""Who gets which case, and what becomes of one that nobody moves."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction

from lending.rules.terms import Terms
from review import services, tasks
from review.models import Case, CaseAction, Recusal
from review.services import gate, reviewers
from review.services.cases import NotReferred
from review.services.claims import LEASE
from tests.conftest import Clock
from tests.factories.applications import judged
from tests.factories.borrowers import borrower, id_number, phone
from tests.unit.review.conftest import Desk, set_up
from users.services import accounts, contacts, profiles
from users.services.contacts import NewContact


class TestClaimNext:
    def test_leases_the_case_for_a_quarter_of_an_hour_and_writes_it_down(self, desk: Desk) -> None:
        case_id = desk.open()
        assert desk.claim("chen") == case_id
        case = desk.row(case_id)
        assert (case.status, case.claimed_by_id, case.slot) == ("IN_INITIAL", desk.staff["chen"], 1)
        assert case.leased_until == desk.clock.at + LEASE
        written = CaseAction.objects.filter(case_id=case_id).order_by("-id")[0]
        assert (written.action, written.source, written.target) == ("claim", "WAITING_INITIAL", "IN_INITIAL")
        assert (written.actor, written.occurred_at) == (f"staff:{desk.staff['chen']}", desk.clock.at)

    def test_is_one_statement(self, desk: Desk, django_assert_num_queries: object) -> None:
        desk.open()
        desk.prepares = False
        with django_assert_num_queries(3):  # type: ignore[operator]  # savepoint, the statement, release
            desk.claim("chen")

    def test_takes_the_most_urgent(self, desk: Desk) -> None:
        first = desk.open()
        desk.clock.move(minutes=5)
        call = desk.open(amount_cents=2_100_000)  # due in two hours, not one
        desk.clock.move(minutes=5)
        last = desk.open()
        assert [desk.claim("chen") for _ in range(4)] == [first, last, call, None]

    def test_takes_only_the_queue_asked_for(self, desk: Desk) -> None:
        desk.open()
        call = desk.open(amount_cents=2_100_000)
        assert desk.claim("chen", "CALL") == call

    def test_stops_at_five_open_cases(self, desk: Desk) -> None:
        for _ in range(6):
            desk.open()
        mine = [desk.claim("chen") for _ in range(6)]
        assert None not in mine[:5]
        assert mine[5] is None
        desk.act("release_lease", mine[2], "chen", reasons=["L01"])  # type: ignore[arg-type]
        assert desk.claim("chen") is not None

    def test_wants_the_skill_of_the_queue(self, desk: Desk) -> None:
        case_id = desk.open(reasons=("F02",))
        assert desk.claim("wu") is None
        assert desk.claim("chen") == case_id

    def test_leaves_to_seniors_what_the_authority_matrix_gives_them(self, desk: Desk) -> None:
        case_id = desk.open(grade="D")  # 10,000 yuan: R2 + R3
        assert desk.claim("chen") is None
        assert desk.claim("zhao") == case_id

    def test_offers_juniors_work_to_a_senior_only_when_the_queue_is_named(self, desk: Desk) -> None:
        case_id = desk.open()
        assert desk.claim("sun") is None
        assert desk.claim("sun", "INI-STD") == case_id

    def test_keeps_the_final_stage_from_juniors(self, desk: Desk) -> None:
        desk.at_final()
        assert desk.claim("wu") is None

    @pytest.mark.parametrize("who", ["lin"])
    def test_refuses_who_does_not_review(self, desk: Desk, who: str) -> None:
        desk.open()
        with pytest.raises(gate.NotAReviewer):
            desk.claim(who)

    def test_refuses_a_reviewer_who_left_the_group(self, desk: Desk) -> None:
        case_id = desk.open()
        Group.objects.get(name="initial_reviewer").user_set.remove(desk.staff["chen"])
        with pytest.raises(gate.NotAReviewer):
            desk.claim("chen")
        assert desk.claim("wu") == case_id


class TestTwoReviewers:
    def test_the_final_stage_is_never_given_to_who_recommended(self, desk: Desk) -> None:
        case_id = desk.open()
        assert desk.claim("zhao", "INI-STD") == case_id
        desk.recommend(case_id, "zhao")
        assert desk.claim("zhao") is None
        assert desk.claim("sun") == case_id

    @pytest.mark.parametrize(
        "change",
        [
            "final_reviewer_id = initial_reviewer_id",
            "claimed_by_id = initial_reviewer_id",
            "slot = 6",
            "slot = NULL",
            "outcome = 'approve'",
            "stage = 'initial'",
            "status = 'WAITING_FINAL'",
            "status = 'NOWHERE'",
        ],
    )
    def test_and_more_is_held_by_the_database(self, desk: Desk, change: str) -> None:
        case_id = desk.in_final()
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE review_case SET {change} WHERE id = %s", [case_id])

    def test_a_sixth_case_is_refused_by_the_database(self, desk: Desk) -> None:
        for _ in range(2):
            desk.open()
            desk.claim("chen")
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE review_case SET slot = 1")

    def test_what_was_done_is_never_edited(self, desk: Desk) -> None:
        case_id = desk.open()
        for statement in (
            "UPDATE review_caseaction SET note = 'x' WHERE case_id = %s",
            "DELETE FROM review_caseaction",
        ):
            with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement, [case_id] if "%s" in statement else [])


class TestInterest:
    """Self, relatives and colleagues are refused."""

    def test_nobody_reviews_themselves(self, desk: Desk) -> None:
        born = id_number(990)
        reviewers.appoint(user_id=desk.staff["chen"], level=1, skills=["std"], id_number=born)
        case_id = desk.open(user_id=borrower(desk.clock.at, id_number=born))
        assert desk.claim("chen") is None
        assert desk.claim("wu") == case_id
        assert Recusal.objects.get().relation == "self"

    def test_nobody_reviews_who_named_them_as_a_contact(self, desk: Desk) -> None:
        own = phone(77_000_000)
        reviewers.appoint(user_id=desk.staff["chen"], level=1, skills=["std"], phone=own)
        user_id = borrower(desk.clock.at)
        contacts.replace(user_id=user_id, contacts=[NewContact("sibling", "陈一", own)], at=desk.clock.at)
        case_id = desk.open(user_id=user_id)
        assert desk.claim("chen") is None
        assert desk.claim("wu") == case_id

    def test_nobody_reviews_whose_data_they_edited(self, desk: Desk) -> None:
        user_id = borrower(desk.clock.at)
        case_id = desk.open(user_id=user_id)
        profiles.save(user_id=user_id, by=f"staff:{desk.staff['chen']}", at=desk.clock.at, city="宁波")
        assert desk.claim("chen") is None
        assert desk.claim("wu") == case_id

    def test_an_edit_after_the_claim_is_found_at_the_verdict(self, desk: Desk) -> None:
        user_id = borrower(desk.clock.at)
        case_id = desk.open(user_id=user_id)
        desk.claim("chen")
        profiles.save(user_id=user_id, by=f"staff:{desk.staff['chen']}", at=desk.clock.at, city="宁波")
        with pytest.raises(gate.ConflictOfInterest):
            desk.recommend(case_id, "chen")

    def test_who_says_they_know_the_borrower_never_gets_a_case_of_theirs_again(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.claim("chen")
        desk.act("recuse", case_id, "chen", reasons=["K02"])
        assert desk.claim("chen") is None
        assert desk.claim("wu") == case_id


class TestLease:
    def test_runs_out_and_the_case_returns(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.claim("chen")
        desk.clock.move(minutes=14, seconds=59)
        assert tasks.sweep() == 0
        desk.clock.move(seconds=1)
        assert tasks.sweep() == 1
        assert tasks.sweep() == 0
        assert desk.row(case_id).status == "WAITING_INITIAL"
        assert CaseAction.objects.filter(case_id=case_id).order_by("-id")[0].action == "lapse"
        with pytest.raises(gate.CaseMoved):
            desk.recommend(case_id, "chen")
        assert desk.claim("wu") == case_id

    def test_is_extended_by_activity_of_the_holder_alone(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.claim("chen")
        desk.clock.move(minutes=10)
        desk.act("extend_lease", case_id, "chen")
        assert desk.row(case_id).leased_until == desk.clock.at + LEASE
        with pytest.raises(gate.NotYourCase):
            desk.act("extend_lease", case_id, "wu")

    def test_a_suspended_case_comes_back_by_itself_to_who_knows_it(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.claim("chen")
        due = desk.row(case_id).due_at
        desk.act("suspend", case_id, "chen", reasons=["W01"], until=desk.clock.at + timedelta(hours=2))
        desk.clock.move(minutes=119)
        assert tasks.sweep() == 1  # it has become late
        assert desk.row(case_id).status == "SUSPENDED"
        desk.clock.move(minutes=1)
        tasks.sweep()
        assert desk.row(case_id).due_at == due  # the borrower owed nothing
        assert desk.claim("wu") is None
        assert desk.claim("chen") == case_id


@pytest.fixture
def crowd(transactional_db: None, clock: Clock) -> Iterator[Desk]:
    return Desk(set_up(clock.at), clock)


def _in_parallel(count: int, act: object) -> list[object]:
    """What `act(index)` answered in each of `count` threads that start together."""
    answers: list[object] = [None] * count
    gate_open = threading.Barrier(count)

    def run(index: int) -> None:
        gate_open.wait()
        try:
            with transaction.atomic(durable=True):
                answers[index] = act(index)  # type: ignore[operator]
        except Exception as error:
            answers[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


class TestManyAtOnce:
    def test_thirty_two_claims_never_give_a_case_twice_nor_a_reviewer_six(self, crowd: Desk) -> None:
        at = crowd.clock.at
        with transaction.atomic():
            cases = {crowd.open() for _ in range(34)}
            hired = [
                accounts.make_staff(
                    username=f"initial.{n}", password="a long passphrase", groups=["initial_reviewer"], at=at
                )
                for n in range(7)
            ]
            for user_id in hired:
                reviewers.appoint(user_id=user_id, level=1, skills=["std"])
        desks = [*hired, crowd.staff["chen"]]
        got = _in_parallel(32, lambda index: services.claim_next(by_id=desks[index % 8], at=at))
        assert set(got) <= cases
        assert len(set(got)) == 32
        assert Counter(Case.objects.exclude(claimed_by=None).values_list("claimed_by", flat=True)) == dict.fromkeys(
            desks, 4
        )
        assert CaseAction.objects.filter(action="claim").count() == 32

    def test_one_reviewer_clicking_in_sixteen_windows_gets_five(self, crowd: Desk) -> None:
        with transaction.atomic():
            for _ in range(8):
                crowd.open()
        by_id, at = crowd.staff["chen"], crowd.clock.at
        got = _in_parallel(16, lambda _: services.claim_next(by_id=by_id, at=at))
        assert sum(isinstance(answer, int) for answer in got) == 5
        assert [answer for answer in got if isinstance(answer, Exception)] == []
        assert sorted(Case.objects.filter(claimed_by=by_id).values_list("slot", flat=True)) == [1, 2, 3, 4, 5]

    def test_two_verdicts_on_one_case_leave_one(self, crowd: Desk) -> None:
        with transaction.atomic():
            case_id = crowd.in_final()
        by_id, at = crowd.staff["zhao"], crowd.clock.at
        lower = Terms(500_000, 12, crowd.application(case_id).decided_rate)
        verdicts = [
            {"outcome": "approve", "reasons": ["V01"], "terms": lower},
            {"outcome": "decline", "reasons": ["S03"]},
        ]
        got = _in_parallel(2, lambda i: services.decide(case_id=case_id, by_id=by_id, at=at, **verdicts[i]))  # type: ignore[arg-type]
        assert sorted(type(answer).__name__ for answer in got) == ["CaseMoved", "NoneType"]
        assert CaseAction.objects.filter(case_id=case_id, action="decide").count() == 1

    def test_a_withdrawal_and_a_verdict_never_both_happen(self, crowd: Desk) -> None:
        from lending.services import applications

        with transaction.atomic():
            case_id = crowd.in_final()
        application = crowd.application(case_id)
        by_id, at = crowd.staff["zhao"], crowd.clock.at

        def act(index: int) -> None:
            if index:
                services.decide(case_id=case_id, by_id=by_id, outcome="approve", reasons=["V01"], at=at)
            else:
                applications.withdraw(application_id=application.pk, by=f"user:{application.user_id}", at=at)

        got = _in_parallel(2, act)
        assert sum(answer is None for answer in got) == 1
        application.refresh_from_db()
        assert (application.status == "GRANTED") == (got[1] is None)
        assert (crowd.row(case_id).outcome == "approve") == (got[1] is None)


class TestOpening:
    def test_twice_is_once(self, desk: Desk) -> None:
        case_id = desk.open()
        application_id = desk.row(case_id).application_id
        assert services.open_or_resume_case(application_id=application_id, at=desk.clock.at) == case_id
        assert Case.objects.count() == 1
        assert CaseAction.objects.count() == 1

    def test_only_what_was_referred(self, desk: Desk) -> None:
        application_id = judged(desk.clock.at, "decline")
        with pytest.raises(NotReferred):
            services.open_or_resume_case(application_id=application_id, at=desk.clock.at)

    def test_in_the_queue_of_its_facts_with_the_clock_of_that_queue(self, desk: Desk) -> None:
        case = desk.row(desk.open(product_code="BIZ", purpose="business", months=12))
        assert case.queue.code == "INI-BIZ"
        assert case.due_at == desk.clock.at + timedelta(hours=4)
        assert case.at_risk_at == desk.clock.at + timedelta(hours=3)
