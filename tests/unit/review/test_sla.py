"""The clock of a case stands only while the borrower owes something; what is late is told, to the borrower too."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction
from django.test import Client

from lending.common.clock import business_date
from lending.services import supplements
from review import queries, services, tasks
from review.models import Attention, Case, CaseAction, CaseStatus, Queue, ReviewDay
from review.queries.remaining import handling
from tests.unit.review.conftest import Desk
from users.models import Notice


def due(desk: Desk, case_id: int) -> tuple[datetime, datetime]:
    case = desk.row(case_id)
    return case.at_risk_at, case.due_at


def told(case_id: int, *, closed: bool = False) -> list[tuple[str, str, int]]:
    rows = Notice.objects.filter(subject=f"case:{case_id}", closed_at__isnull=not closed)
    return list(rows.order_by("pk").values_list("kind", "severity", "times"))


class TestTheClock:
    def test_runs_through_every_act_but_a_supplement(self, desk: Desk) -> None:
        """Two hours pass in each; only while the borrower is asked do both times move, and by just that."""
        case_id = desk.open()
        before = due(desk, case_id)
        desk.claim("chen")
        desk.act("suspend", case_id, "chen", reasons=["W01"], until=desk.clock.at + timedelta(minutes=20))
        desk.clock.move(minutes=10)
        desk.act("resume", case_id, "chen")
        assert due(desk, case_id) == before
        assert desk.claim("chen") == case_id
        desk.clock.move(minutes=5)
        desk.act("release_lease", case_id, "chen", reasons=["L01"])
        assert due(desk, case_id) == before
        assert desk.claim("wu") == case_id
        desk.act("request_supplement", case_id, "wu", items=[("income_proof", "工资")], reasons=["Q01"])
        desk.clock.move(hours=2)
        application = desk.application(case_id)
        supplements.answer(
            application_id=application.pk,
            texts={"income_proof": "8000 a month"},
            files={},
            by=f"user:{application.user_id}",
            at=desk.clock.at,
        )
        services.open_or_resume_case(application_id=application.pk, at=desk.clock.at)
        assert due(desk, case_id) == (before[0] + timedelta(hours=2), before[1] + timedelta(hours=2))

    @pytest.mark.parametrize("status", [status for status in CaseStatus if status != CaseStatus.SUPPLEMENT])
    def test_cannot_stand_in_any_other_state(self, desk: Desk, status: str) -> None:
        from tests.unit.review.test_states import _brought_to

        case_id = _brought_to(desk, status)
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE review_case SET paused_at = now() WHERE id = %s", [case_id])


class TestAttention:
    def test_rises_at_risk_and_at_breach_and_tells_once_each(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.clock.move(minutes=39)
        assert tasks.sweep() == 0
        desk.clock.move(minutes=1)
        assert (tasks.sweep(), tasks.sweep()) == (1, 0)
        assert desk.row(case_id).attention == Attention.AT_RISK
        assert told(case_id) == [("case_at_risk", "warning", 1)]
        desk.clock.move(minutes=20)
        assert (tasks.sweep(), tasks.sweep()) == (1, 0)
        assert desk.row(case_id).attention == Attention.BREACHED
        assert told(case_id) == [("case_breached", "critical", 1)]
        assert told(case_id, closed=True) == [("case_at_risk", "warning", 1)]
        raised = CaseAction.objects.filter(case_id=case_id, action="late").values_list("changes", flat=True)
        assert list(raised) == [{"attention": [0, 1]}, {"attention": [1, 2]}]

    def test_is_not_for_a_case_that_waits_for_the_borrower(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.claim("chen")
        desk.act("request_supplement", case_id, "chen", items=[("income_proof", "工资")], reasons=["Q01"])
        desk.clock.move(hours=5)
        assert tasks.sweep() == 0
        assert told(case_id) == []

    def test_is_for_a_suspended_one(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.claim("chen")
        desk.act("suspend", case_id, "chen", reasons=["W01"], until=desk.clock.at + timedelta(hours=5))
        desk.clock.move(hours=2)
        tasks.sweep()
        assert told(case_id) == [("case_breached", "critical", 1)]

    def test_brings_a_late_case_to_seniors_and_begins_anew_with_the_next_stage(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.clock.move(minutes=61)
        assert desk.claim("zhao") is None
        tasks.sweep()
        assert desk.claim("zhao") == case_id
        desk.recommend(case_id, "zhao")
        assert desk.row(case_id).attention == Attention.IN_TIME

    def test_the_notice_closes_with_the_case(self, desk: Desk) -> None:
        case_id = desk.in_final()
        desk.clock.move(minutes=14)
        Case.objects.filter(pk=case_id).update(due_at=desk.clock.at, at_risk_at=desk.clock.at)
        tasks.sweep()
        desk.decide(case_id, "zhao", "decline", ("S03",))
        assert told(case_id) == []


def measured(desk: Desk, days_ago: int, cases: int, seconds: int) -> None:
    """Cases that chen recommended on a day before today, at so many seconds each."""
    day = business_date(desk.clock.at) - timedelta(days=days_ago)
    names = [field.name for field in ReviewDay._meta.fields if field.get_internal_type().endswith("IntegerField")]
    figures = dict.fromkeys(names, 0) | {"cases": cases, "in_initial_seconds": cases * seconds}
    ReviewDay.objects.create(
        day=day, part="recommended", queue_code="INI-STD", product_code="LINE", reviewer_id=desk.staff["chen"],
        measured_at=desk.clock.at, **figures,
    )  # fmt: skip


class TestRemaining:
    def test_is_the_rest_of_this_stage_and_the_next(self, desk: Desk) -> None:
        case_id = desk.open()
        application = desk.application(case_id)
        left = queries.remaining(application.pk, desk.clock.at)
        assert left is not None
        assert left.by == desk.clock.at + timedelta(hours=2)
        assert (left.ahead, left.late) == (0, False)

    def test_owns_up_when_the_promise_is_broken_and_the_queue_is_long(self, desk: Desk) -> None:
        for _ in range(40):
            desk.open()
        case_id = desk.open()
        desk.clock.move(minutes=70)
        left = queries.remaining(desk.application(case_id).pk, desk.clock.at)
        assert left is not None
        assert left.by is not None
        assert (left.ahead, left.late) == (40, True)
        # five may serve it: nine rounds of twelve minutes, then the hour of the final stage
        assert left.by == desk.clock.at + timedelta(minutes=9 * 12 + 60)

    @pytest.mark.parametrize(
        ("days", "cases", "minutes"),
        [(3, 10, 6), (4, 10, 6), (2, 100, 12), (5, 5, 12), (0, 0, 12)],
    )
    def test_goes_by_the_measured_median_once_enough_was_measured(
        self, desk: Desk, days: int, cases: int, minutes: int
    ) -> None:
        """Each case took six minutes on every day but one, when it took an hour; what is too old does not count."""
        for number in range(days):
            each = 3600 if number == 0 else 360
            measured(desk, number + 1, cases, each)
        measured(desk, 15, 1000, 60)
        queue = Queue.objects.get(code="INI-STD")
        assert handling(queue, desk.clock.at) == timedelta(minutes=minutes)
        assert handling(Queue.objects.get(code="INI-BIZ"), desk.clock.at) == timedelta(minutes=12)

    def test_is_nothing_while_the_borrower_owes_something_or_it_is_decided(self, desk: Desk) -> None:
        case_id = desk.open()
        application_id = desk.application(case_id).pk
        desk.claim("chen")
        desk.act("request_supplement", case_id, "chen", items=[("income_proof", "工资")], reasons=["Q01"])
        assert queries.remaining(application_id, desk.clock.at).by is None  # type: ignore[union-attr]
        services.close_case(application_id=application_id, at=desk.clock.at)
        assert queries.remaining(application_id, desk.clock.at) is None

    @pytest.mark.parametrize(("language", "words"), [("en", "We expect a decision by"), ("zh-hans", "前给出结果")])
    def test_stands_on_the_borrower_s_page(self, desk: Desk, language: str, words: str) -> None:
        application = desk.application(desk.open())
        get_user_model().objects.filter(pk=application.user_id).update(language=language)
        client = Client(headers={"accept-language": language})
        client.force_login(get_user_model().objects.get(pk=application.user_id))
        shown = client.get(f"/applications/{application.public_id}/", follow=True).content.decode()
        assert words in shown
