"""Monitoring at the door: which group sees the days, the scenario's page and the alarm on its dashboard; nobody
changes anything there, because the thresholds are constants of the code."""

import pytest
from django.urls import reverse

from risk.models import MonitoringDay, Release
from tests.conftest import Clock
from tests.doors.test_groups import ACCOUNTS, signed_in
from tests.factories.configuration import bootstrap
from users.services import notices

SEE_IT = {"analyst", "lead", "credit_manager", "compliance", "auditor", "operations"}
LIST = reverse("admin:risk_monitoringday_changelist")
NOTICES = reverse("admin:users_notice_changelist") + "?closed_at__isempty=1"
ALARM = "credit v1 on that day: approval rate 41.0% against 55.2%"


@pytest.fixture
def moved(db: None, clock: Clock) -> MonitoringDay:
    bootstrap()
    release = Release.objects.get(key="credit")
    day = MonitoringDay.objects.create(
        release=release,
        scenario=release.scenario,
        day=clock.at.date(),
        decisions=200,
        approved=82,
        referred=18,
        declined=100,
        reasons={},
        scores=[],
        unknown={},
        looked_at=200,
        through_id=1,
        alarms=[{"figure": "approval rate", "value": 0.41, "level": 0.552, "threshold": 0.1}],
        measured_at=clock.at,
    )
    notices.raise_notice(kind="strategy_moved", subject=f"monitoringday:{day.pk}", text=ALARM, at=clock.at)
    return day


class TestMonitoring:
    def test_is_seen_linked_and_told_to_those_groups_alone(self, moved: MonitoringDay) -> None:
        pages = (
            LIST,
            reverse("admin:risk_monitoringday_change", args=[moved.pk]),
            reverse("admin:risk_monitoring", args=["credit"]),
        )
        for group, account in ACCOUNTS.items():
            client, sees = signed_in(account), group in SEE_IT
            found = {page: client.get(page).status_code for page in pages}
            assert set(found.values()) == {200 if sees else 403}, (group, found)
            home = client.get(reverse("admin:index")).content.decode()
            told = client.get(NOTICES).content.decode()
            assert (f'href="{LIST}"' in home, "Notices, warning" in home, ALARM in told) == (sees,) * 3, group

    def test_is_changed_by_nobody(self, moved: MonitoringDay) -> None:
        acts = (
            reverse("admin:risk_monitoringday_add"),
            reverse("admin:risk_monitoringday_change", args=[moved.pk]),
            reverse("admin:risk_monitoringday_delete", args=[moved.pk]),
        )
        for group, account in {**ACCOUNTS, "admin": "admin"}.items():
            client = signed_in(account)
            found = {page: client.post(page, {"approved": 200, "post": "yes"}).status_code for page in acts}
            assert set(found.values()) == {403}, (group, found)
        moved.refresh_from_db()
        assert moved.approved == 82
