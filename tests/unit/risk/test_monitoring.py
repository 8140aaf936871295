"""Monitoring: days measured once and again without change, held against the right level, told once a day."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from risk import services
from risk.admin import charts, monitoring_page
from risk.admin.backtest_page import share
from risk.models import Decision, MonitoringDay, Release, Scenario
from risk.rules import monitoring as rules
from risk.rules.monitoring import Level
from risk.services import backtest_runs, backtests, datasets, monitoring
from tests.conftest import Clock
from tests.unit.risk.conftest import Apply
from users.models import Notice

LEVEL = Level("backtest #1", 0.5, [600.0], [500.0, 500.0], {"checking": 0.05}, {})


def alarmed(decisions: int = 400, approved: int = 200, psi: float | None = 0.0, **unknown: float) -> list[str]:
    found = rules.alarms(decisions=decisions, approved=approved, psi=psi, unknown=unknown, level=LEVEL)
    return [alarm.figure for alarm in found]


class TestAlarms:
    @pytest.mark.parametrize(
        ("day", "expected"),
        [
            ({}, []),
            ({"approved": 160}, []),
            ({"approved": 159}, ["approval rate"]),
            ({"approved": 241}, ["approval rate"]),
            ({"psi": 0.2}, []),
            ({"psi": 0.21}, ["score PSI"]),
            ({"psi": None}, []),
            ({"checking": 0.15}, []),
            ({"checking": 0.16}, ["unknown rate of checking"]),
            ({"checking": 0.0}, []),
            ({"savings": 0.11}, ["unknown rate of savings"]),
            ({"decisions": 99, "approved": 0, "psi": 9.0, "checking": 1.0}, []),
        ],
    )
    def test_lie_beyond_the_thresholds_and_not_on_them(self, day: dict[str, Any], expected: list[str]) -> None:
        assert alarmed(**day) == expected

    def test_name_figure_value_level_and_threshold(self) -> None:
        (found,) = rules.alarms(decisions=400, approved=100, psi=None, unknown={}, level=LEVEL)
        assert rules.told(found) == "approval rate 25.0% against 50.0% (line 10 points)"


class TestScorePsi:
    def test_is_nothing_for_the_same_shares_and_large_for_others(self) -> None:
        assert rules.score_psi([[550, 100], [650, 100]], LEVEL) == pytest.approx(0.0, abs=1e-3)
        moved = rules.score_psi([[550, 180], [650, 20]], LEVEL)
        assert moved is not None
        assert moved > rules.PSI_LINE

    def test_is_not_said_of_few(self) -> None:
        assert rules.score_psi([[550, 99]], LEVEL) is None
        assert rules.score_psi([], LEVEL) is None


class TestLine:
    def test_of_a_share_ends_at_one(self) -> None:
        drawn = charts.line("Approval", ["a"], [0.98], [False], level=1.0, level_name="", shown=share, most=1.0)
        assert drawn is not None
        assert (drawn.top, drawn.level) == ("100.0%", 0.0)


class TestFirstWeek:
    def test_is_the_mean_of_its_days_by_decisions(self) -> None:
        day: dict[str, Any] = {"scores": [[500, 1], [700, 3]], "looked_at": 4, "reasons": {"S01": 1}}
        days = [
            day | {"decisions": 4, "approved": 3, "unknown": {"checking": 0.5}},
            day | {"decisions": 12, "approved": 1, "unknown": {}},
        ]
        level = rules.of_days(days)
        assert level is not None
        assert (level.approval, level.unknown["checking"], level.reasons["S01"]) == (0.25, 0.25, 0.125)
        assert sum(level.scores) == 8
        assert rules.of_days([]) is None


@pytest.fixture
def decided(apply: Apply, at: datetime, sandbox: object, monkeypatch: pytest.MonkeyPatch) -> Release:
    """Four applications decided by the shipped strategy, and a few counted as enough."""
    monkeypatch.setattr(rules, "MIN_DECISIONS", 3)
    for row in (3, 34, 7, 12):
        services.run_assessment(assessment_id=apply(row), now=at)
    return Release.objects.get(key="credit")


@pytest.mark.django_db(transaction=True)
class TestMeasure:
    def test_counts_what_was_decided_and_twice_changes_nothing(self, decided: Release, at: datetime) -> None:
        assert monitoring.run_measure(at=at) > 0
        day = MonitoringDay.objects.get(release=decided, scenario__code="credit")
        stored = Decision.objects.filter(step="credit")
        assert (day.day, day.decisions, day.looked_at) == (at.date(), stored.count(), stored.count())
        assert day.approved == stored.filter(outcome="approve").count()
        assert sum(day.reasons.values()) == sum(len(row.reasons) for row in stored)
        assert sum(count for _, count in day.scores) == stored.filter(score__isnull=False).count()
        assert monitoring.run_measure(at=at) == 0, "nothing moved"
        before = MonitoringDay.objects.count()
        with transaction.atomic():
            monitoring.measure(scenario_id=day.scenario_id, day=day.day, at=at)
        assert MonitoringDay.objects.count() == before
        assert monitoring.run_measure(at=at + timedelta(days=1)) > 0, "once more when the day is over"
        assert monitoring.run_measure(at=at + timedelta(days=1)) == 0

    def test_has_no_level_before_a_backtest_or_a_week_and_says_whose_it_is(
        self, decided: Release, at: datetime, clock: Clock
    ) -> None:
        monitoring.run_measure(at=at)
        scenario = Scenario.objects.get(code="credit")
        day = MonitoringDay.objects.get(release=decided, scenario=scenario)
        assert (day.compared_with, day.alarms, day.score_psi) == ("", [], None)
        shown = monitoring_page.composed(scenario, None, at)
        assert (shown["level"], shown["release"], shown["is_serving"]) == (None, decided, True)
        day.pk, day.day = None, at.date() + timedelta(days=7)
        day.save()
        level = monitoring.level_for(decided, scenario)
        assert level is not None
        assert level.whose == "its first full week"

    def test_raises_one_notice_a_day_and_release_against_its_backtest(self, decided: Release, at: datetime) -> None:
        with transaction.atomic():
            rows = datasets.from_sample(by="system", at=at)
            backtest = backtests.start(release_id=decided.pk, dataset_id=rows.pk, by="system", at=at)
        while backtest_runs.run_next(backtest_id=backtest.pk, now=at):
            pass
        for minute in (0, 10):
            with transaction.atomic():
                monitoring.measure(scenario_id=decided.scenario_id, day=at.date(), at=at + timedelta(minutes=minute))
        day = MonitoringDay.objects.get(release=decided, scenario__code="credit")
        assert day.compared_with == f"backtest #{backtest.pk}"
        assert abs(day.approval_rate - 0.552) > rules.APPROVAL_POINTS
        notice = Notice.objects.get(kind="strategy_moved")
        assert notice.times == 1
        assert f"credit v1 on {at.date()}: approval rate" in notice.text
        assert "against 55.2% (line 10 points)" in notice.text
        shown = monitoring_page.composed(Scenario.objects.get(code="credit"), None, at)
        assert shown["charts"][0].level_text == "55.2%"
        assert shown["charts"][0].dots[0][3], "the alarm is marked"


@pytest.mark.usefixtures("configured")
class TestEmpty:
    def test_says_what_serves_and_draws_nothing(self, at: datetime) -> None:
        shown = monitoring_page.composed(Scenario.objects.get(code="credit"), None, at)
        assert (str(shown["serving"]), "release" in shown) == ("credit v1", False)
        assert monitoring.run_measure(at=at) == 0
