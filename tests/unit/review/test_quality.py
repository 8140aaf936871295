"""Second looks: drawn once, blind, never at one's own case, answered by the reviewer."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction

from lending.common import clock as clocks
from lending.common.errors import Conflict, DomainError
from review.models import DriftAlarm, Part, Queue, ReviewDay, SamplingRule, SecondLook
from review.services import configuration, drift, gate, quality
from tests.unit.review.conftest import Desk
from users.models import Notice, StaffAct, User
from users.services import accounts, acts


@pytest.fixture
def checker(desk: Desk) -> int:
    desk.staff["han"] = accounts.make_staff(
        username="quality.han", password="a long passphrase", groups=["quality_checker"], at=desk.clock.at
    )
    return desk.staff["han"]


def closed(desk: Desk, outcome: str = "approve", reasons: tuple[str, ...] = ("V01",)) -> int:
    with transaction.atomic():
        case_id = desk.in_final()
        desk.decide(case_id, "zhao", outcome, reasons)
    return case_id


def drawn(desk: Desk, case_id: int) -> SecondLook:
    quality.sample(cases=[desk.row(case_id)], at=desk.clock.at)
    return SecondLook.objects.get(case_id=case_id)


def look(desk: Desk, **said: Any) -> SecondLook:
    """Taken and finished by the checker."""
    row = drawn(desk, closed(desk))
    with transaction.atomic():
        assert quality.take_look(by_id=desk.staff["han"], at=desk.clock.at) == row.pk
        finish(desk, row, **said)
    row.refresh_from_db()
    return row


def finish(desk: Desk, row: SecondLook, who: str = "han", **said: Any) -> None:
    said = {"verdict": "approve", "reasons": ["V01"]} | said
    with transaction.atomic():
        quality.finish_look(look_id=row.pk, by_id=desk.staff[who], at=desk.clock.at, **said)


class TestSample:
    def test_takes_a_reviewers_first_cases_and_knows_who_said_what(self, desk: Desk) -> None:
        row = drawn(desk, closed(desk))
        assert row.rule.code == "NEW"
        assert (row.reviewer_id, row.outcome) == (desk.staff["zhao"], "approve")
        assert (row.recommender_id, row.recommendation) == (desk.staff["chen"], "approve")

    def test_judges_who_decided_alone_by_the_initial_reviewer(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.claim("chen")
        desk.recommend(case_id, "chen", "decline", ("F04",))
        row = drawn(desk, case_id)
        assert (row.reviewer_id, row.recommender_id, row.outcome) == (desk.staff["chen"], None, "decline")

    def test_stops_taking_the_first_cases_when_they_are_over(self, desk: Desk) -> None:
        SamplingRule.objects.exclude(code="NEW").update(active=False)
        SamplingRule.objects.update(first_cases=1)
        first = closed(desk)
        desk.clock.at += timedelta(minutes=1)
        second = closed(desk)
        quality.sample(cases=[desk.row(first), desk.row(second)], at=desk.clock.at)
        assert list(SecondLook.objects.values_list("case_id", flat=True)) == [first]

    def test_draws_a_case_once(self, desk: Desk) -> None:
        case = desk.row(closed(desk))
        assert [quality.sample(cases=[case], at=desk.clock.at) for _ in range(2)] == [1, 0]

    def test_leaves_what_no_active_rule_takes(self, desk: Desk) -> None:
        SamplingRule.objects.update(active=False)
        assert quality.sample(cases=[desk.row(closed(desk))], at=desk.clock.at) == 0

    def test_configuration_may_be_loaded_again(self, desk: Desk) -> None:
        configuration.load(at=desk.clock.at)
        assert SamplingRule.objects.count() == 6


@pytest.mark.django_db(transaction=True)
class TestRunSampling:
    def test_sweeps_what_was_closed_and_twice_adds_nothing(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(quality, "AT_ONCE", 2)
        cases = {closed(desk) for _ in range(3)}  # all closed at one instant: more than a page of it
        assert quality.run_sampling(at=desk.clock.at) == 3
        assert set(SecondLook.objects.values_list("case_id", flat=True)) == cases
        assert quality.run_sampling(at=desk.clock.at + timedelta(minutes=1)) == 0
        desk.clock.at += timedelta(minutes=2)
        closed(desk)
        assert quality.run_sampling(at=desk.clock.at) == 1


class TestTakeLook:
    def test_needs_the_permission(self, desk: Desk, checker: int) -> None:
        drawn(desk, closed(desk))
        for who in ("chen", "zhao", "sun", "qian", "lin"):
            with pytest.raises(acts.NotAllowed):
                quality.take_look(by_id=desk.staff[who], at=desk.clock.at)

    def test_gives_the_same_one_back_and_no_two_checkers_the_same(self, desk: Desk, checker: int) -> None:
        first, second = drawn(desk, closed(desk)), drawn(desk, closed(desk))
        groups = ["quality_checker"]
        other = accounts.make_staff(username="q2", password="a long passphrase", groups=groups, at=desk.clock.at)
        taken = [quality.take_look(by_id=who, at=desk.clock.at) for who in (checker, checker, other)]
        assert taken == [first.pk, first.pk, second.pk]

    def test_never_gives_who_took_part(self, desk: Desk, checker: int) -> None:
        User.objects.get(pk=desk.staff["sun"]).groups.add(Group.objects.get(name="quality_checker"))
        case_id = desk.in_final("sun")
        desk.act("release_lease", case_id, "sun", reasons=["L01"])
        desk.clock.at += timedelta(minutes=1)
        assert desk.claim("zhao", desk.view(case_id).queue) == case_id
        desk.decide(case_id, "zhao")
        row = drawn(desk, case_id)
        assert quality.take_look(by_id=desk.staff["sun"], at=desk.clock.at) is None
        with pytest.raises(quality.OwnCase):
            finish(desk, row, "sun")
        assert quality.take_look(by_id=checker, at=desk.clock.at) == row.pk

    @pytest.mark.parametrize("who", ["zhao", "chen"])
    def test_the_database_refuses_it_too(self, desk: Desk, who: str) -> None:
        row = drawn(desk, closed(desk))
        row.checker_id, row.taken_at = desk.staff[who], desk.clock.at
        with pytest.raises(IntegrityError, match="review_look_is_not_at_own_case"), transaction.atomic():
            row.save()


class TestFinishLook:
    def test_an_equal_verdict_without_errors_is_not_on_the_coaching_list(self, desk: Desk, checker: int) -> None:
        row = look(desk)
        assert (row.verdict, row.severity, row.done_at) == ("approve", None, desk.clock.at)
        assert not Notice.objects.filter(kind="second_look_differs").exists()
        assert StaffAct.objects.get(act="second_look").subject == f"secondlook:{row.pk}"

    def test_another_verdict_is_major_and_told_to_the_leads_but_reopens_nothing(self, desk: Desk, checker: int) -> None:
        row = look(desk, verdict="decline", reasons=["S03"], errors=["E07"])
        assert (row.severity, desk.row(row.case_id).status) == (2, "CLOSED")
        assert "decline at second look" in Notice.objects.get(kind="second_look_differs").text

    def test_the_worst_error_counts(self, desk: Desk, checker: int) -> None:
        assert look(desk, errors=["E07", "E01", "E03"]).severity == 3

    @pytest.mark.parametrize(
        ("said", "error"),
        [
            ({"verdict": "void"}, quality.UnknownVerdict),
            ({"reasons": []}, gate.ReasonNeeded),
            ({"reasons": ["ZZZ"]}, gate.UnknownCode),
            ({"verdict": "decline", "reasons": ["V01"]}, gate.UnknownCode),
            ({"errors": ["E99"]}, quality.UnknownError),
        ],
    )
    def test_refuses_what_does_not_exist(
        self, desk: Desk, checker: int, said: dict[str, Any], error: type[DomainError]
    ) -> None:
        row = drawn(desk, closed(desk))
        quality.take_look(by_id=checker, at=desk.clock.at)
        with pytest.raises(error):
            finish(desk, row, **said)
        row.refresh_from_db()
        assert row.done_at is None

    def test_is_done_once_by_who_took_it(self, desk: Desk, checker: int) -> None:
        row = drawn(desk, closed(desk))
        with pytest.raises(quality.NotYourLook):
            finish(desk, row)
        quality.take_look(by_id=checker, at=desk.clock.at)
        finish(desk, row)
        with pytest.raises(quality.LookDone):
            finish(desk, row, verdict="decline", reasons=["S03"])


class TestAcknowledge:
    def test_keeps_the_reply_of_the_reviewer_alone_and_once(self, desk: Desk, checker: int) -> None:
        row = look(desk, errors=["E03"])
        said: dict[str, Any] = {"look_id": row.pk, "reply": "I shall ask for slips", "at": desk.clock.at}
        for who in ("chen", "sun", "han"):
            with pytest.raises(DomainError):
                quality.acknowledge(by_id=desk.staff[who], **said)
        quality.acknowledge(by_id=desk.staff["zhao"], **said)
        row.refresh_from_db()
        assert (row.reply, row.acknowledged_at) == ("I shall ask for slips", desk.clock.at)
        with pytest.raises(Conflict):
            quality.acknowledge(by_id=desk.staff["zhao"], **said)


@pytest.mark.django_db(transaction=True)
class TestDrift:
    def counted(self, desk: Desk, days_ago: int, approved: int, declined: int, **more: Any) -> None:
        day = clocks.business_date(desk.clock.at) - timedelta(days=days_ago)
        zeros = {f.name: 0 for f in ReviewDay._meta.fields if f.name.endswith("_seconds")}
        values: dict[str, Any] = zeros | {"part": Part.CLOSED, "queue_code": "FIN-STD"}
        values |= {"reviewer_id": desk.staff["zhao"], "recommended": 0, "overturned": 0} | more
        ReviewDay.objects.create(
            day=day, product_code="LINE", cases=approved + declined, approved=approved, declined=declined, late=0,
            measured_at=desk.clock.at, **values,
        )  # fmt: skip

    def test_is_told_once_of_reviewer_and_queue(self, desk: Desk) -> None:
        assert Queue.objects.exists()
        self.counted(desk, 20, 60, 40)
        self.counted(desk, 3, 30, 70)
        assert drift.run_watch(at=desk.clock.at) == 2
        assert drift.run_watch(at=desk.clock.at + timedelta(days=1)) == 0
        subjects = set(DriftAlarm.objects.values_list("subject", "metric"))
        assert subjects == {(f"reviewer:{desk.staff['zhao']}", "approval"), ("queue:FIN-STD", "approval")}
        assert [row.times for row in Notice.objects.filter(kind="review_drift")] == [1, 1]

    @pytest.mark.parametrize(
        ("before", "now", "told"),
        [
            ((100, 5), (50, 15), True),
            ((100, 30), (50, 2), True),
            ((100, 5), (50, 5), False),
            ((100, 5), (20, 20), False),
        ],
    )
    def test_of_what_others_overturned_is_told_of_who_recommended(
        self, desk: Desk, before: tuple[int, int], now: tuple[int, int], told: bool
    ) -> None:
        """(recommended, overturned) of chen before and in the last days; nothing is told of whoever decided."""
        for days_ago, (recommended, overturned) in ((20, before), (3, now)):
            values = {"part": Part.RECOMMENDED, "queue_code": "INI-STD", "reviewer_id": desk.staff["chen"]}
            self.counted(desk, days_ago, recommended, 0, recommended=recommended, overturned=overturned, **values)
            self.counted(desk, days_ago, recommended, 0, recommended=recommended, overturned=overturned)
        assert drift.run_watch(at=desk.clock.at) == (2 if told else 0)
        found = set(DriftAlarm.objects.values_list("subject", "metric"))
        expected = {(f"reviewer:{desk.staff['chen']}", "overturn"), ("queue:INI-STD", "overturn")}
        assert found == (expected if told else set())

    def test_says_nothing_of_a_steady_rate_or_of_few(self, desk: Desk) -> None:
        self.counted(desk, 20, 60, 40)
        self.counted(desk, 3, 10, 10)
        assert drift.run_watch(at=desk.clock.at) == 0
