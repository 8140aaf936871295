"""Daily counts against cases whose times are known, and who may see them."""

from datetime import timedelta

import pytest
from django.db import transaction

from lending.common import clock as clocks
from review import services
from review.models import Part, ReviewDay
from review.queries import figures as queries
from review.services import figures
from tests.unit.review.conftest import Desk


def two_stages(desk: Desk, outcome: str = "approve", reasons: tuple[str, ...] = ("V01",)) -> int:
    """Minutes: 10 waiting, 5 in initial review, 30 waiting, 4 in final review."""
    start = desk.clock.at
    case_id = desk.open()
    queue = desk.view(case_id).queue
    desk.clock.at += timedelta(minutes=10)
    assert desk.claim("chen", queue) == case_id
    desk.clock.at += timedelta(minutes=5)
    desk.recommend(case_id, "chen")
    desk.clock.at += timedelta(minutes=30)
    assert desk.claim("zhao", desk.view(case_id).queue) == case_id
    desk.clock.at += timedelta(minutes=4)
    desk.decide(case_id, "zhao", outcome, reasons)
    assert desk.clock.at - start == timedelta(minutes=49)
    return case_id


class TestCount:
    def test_is_of_who_closed_and_of_who_recommended(self, desk: Desk) -> None:
        two_stages(desk)
        two_stages(desk, "decline", ("S03",))
        figures.count(day=clocks.business_date(desk.clock.at), at=desk.clock.at)
        closed = ReviewDay.objects.get(part=Part.CLOSED)
        assert (closed.queue_code, closed.product_code, closed.reviewer_id) == ("FIN-STD", "LINE", desk.staff["zhao"])
        assert (closed.cases, closed.approved, closed.declined) == (2, 1, 1)
        assert (closed.recommended, closed.overturned) == (2, 1)
        assert closed.open_seconds == 2 * 49 * 60
        spent = (closed.waiting_initial_seconds, closed.in_initial_seconds, closed.waiting_final_seconds)
        assert spent == (2 * 600, 2 * 300, 2 * 1800)
        assert (closed.in_final_seconds, closed.paused_seconds) == (2 * 240, 0)
        initial = ReviewDay.objects.get(part=Part.RECOMMENDED)
        assert (initial.queue_code, initial.reviewer_id) == ("INI-STD", desk.staff["chen"])
        assert (initial.cases, initial.approved, initial.declined, initial.overturned) == (2, 2, 0, 1)

    def test_twice_changes_nothing(self, desk: Desk) -> None:
        two_stages(desk)
        day = clocks.business_date(desk.clock.at)
        for _ in range(2):
            figures.count(day=day, at=desk.clock.at)
        assert sorted(ReviewDay.objects.values_list("part", "cases")) == [("closed", 1), ("recommended", 1)]

    def test_of_who_decided_alone_has_no_recommendation_to_overturn(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.claim("chen")
        desk.recommend(case_id, "chen", "decline", ("F04",))
        figures.count(day=clocks.business_date(desk.clock.at), at=desk.clock.at)
        row = ReviewDay.objects.get()
        assert (row.part, row.queue_code, row.declined, row.recommended) == ("closed", "INI-STD", 1, 0)

    def test_counts_what_ended_without_a_verdict_under_nobody(self, desk: Desk) -> None:
        case_id = desk.open()
        services.close_case(application_id=desk.row(case_id).application_id, at=desk.clock.at)
        figures.count(day=clocks.business_date(desk.clock.at), at=desk.clock.at)
        row = ReviewDay.objects.get()
        assert (row.reviewer_id, row.cases, row.approved, row.declined) == (None, 1, 0, 0)


@pytest.mark.django_db(transaction=True)
class TestRunCount:
    def test_begins_with_the_first_case_and_goes_on_from_the_last_count(self, desk: Desk) -> None:
        assert figures.run_count(at=desk.clock.at) == 0
        with transaction.atomic():
            two_stages(desk)
        first = clocks.business_date(desk.clock.at)
        assert figures.run_count(at=desk.clock.at + timedelta(days=2)) == 3
        desk.clock.at += timedelta(days=2)
        with transaction.atomic():
            two_stages(desk)
        figures.run_count(at=desk.clock.at)
        days = ReviewDay.objects.filter(part=Part.CLOSED).order_by("day").values_list("day", "cases")
        assert list(days) == [(first, 1), (first + timedelta(days=2), 1)]


class TestShownTo:
    def shown(self, desk: Desk, who: str) -> queries.Figures:
        day = clocks.business_date(desk.clock.at)
        return figures.shown_to(by_id=desk.staff[who], since=day - timedelta(days=6), until=day, at=desk.clock.at)

    def test_a_lead_sees_all_and_a_reviewer_their_own(self, desk: Desk) -> None:
        two_stages(desk, "decline", ("S03",))
        figures.count(day=clocks.business_date(desk.clock.at), at=desk.clock.at)
        every = self.shown(desk, "sun")
        assert [(row.name, row.cases) for row in every.reviewers] == [("senior.zhao", 1)]
        assert [(row.name, row.overturn_rate) for row in every.recommenders] == [("initial.chen", 1.0)]
        assert len(every.days) == 7
        assert [row.queue for row in every.waiting if row.waiting] == []
        own = self.shown(desk, "chen")
        assert (own.reviewers, own.waiting) == ((), ())
        assert [row.name for row in own.recommenders] == ["initial.chen"]

    def test_nobody_else_sees_any(self, desk: Desk) -> None:
        with pytest.raises(figures.NotYours):
            self.shown(desk, "lin")

    def test_what_waits_is_told_by_age(self, desk: Desk) -> None:
        desk.open()
        desk.clock.at += timedelta(hours=2)
        desk.open()
        found = {row.queue: row for row in self.shown(desk, "sun").waiting}["INI-STD"]
        assert (found.waiting, found.in_work, found.late, found.ages) == (2, 0, 1, (1, 1, 0, 0))
