"""Outage drills: who may run one, how it ends, and what a check and a message meet meanwhile."""

from typing import Any

import pytest
from django.db import transaction

from lending.common.errors import DomainError, Invalid
from tests.conftest import Clock
from tests.sandbox_server import SandboxClient
from tests.unit.users.conftest import PHONE, Borrower
from users import queries
from users.models import Check, Drill, Message, Notice, Source
from users.services import checks, drills, messages

pytestmark = pytest.mark.usefixtures("tables")


def start(clock: Clock, code: str = "id2", **how: Any) -> int:
    facts = {"mode": "dead", "minutes": 5, "by": "system", "reason": "as planned"} | how
    return drills.start(source_id=Source.objects.get(code=code).pk, at=clock.at, **facts)


class TestStart:
    def test_tells_everybody_until_it_is_over(self, clock: Clock) -> None:
        start(clock)
        notice = Notice.objects.get()
        assert (notice.kind, notice.severity, notice.closed_at) == ("drill_running", "info", None)
        clock.move(minutes=4, seconds=59)
        assert (drills.run_due(now=clock.at), queries.source("id2").drilled(clock.at)) == (0, "dead")
        clock.move(seconds=1)
        assert queries.source("id2").drilled(clock.at) == ""  # before anything has run
        assert (drills.run_due(now=clock.at), drills.run_due(now=clock.at)) == (1, 0)
        notice.refresh_from_db()
        assert (notice.closed_by, Drill.objects.get().ended_by) == ("system", "system")

    def test_follows_one_that_is_over_and_not_one_that_runs(self, clock: Clock) -> None:
        start(clock)
        with pytest.raises(drills.DrillRunning):
            start(clock, mode="slow")
        clock.move(minutes=5)
        start(clock, mode="slow")
        assert queries.source("id2").drilled(clock.at) == "slow"

    @pytest.mark.parametrize(
        ("code", "how", "error"),
        [
            ("id2", {"mode": "odd"}, Invalid),
            ("id2", {"minutes": 0}, Invalid),
            ("id2", {"minutes": 241}, Invalid),
            ("lists", {}, drills.NothingToDrill),
            ("face_b", {}, drills.NothingToDrill),
        ],
    )
    def test_refuses(self, clock: Clock, code: str, how: dict[str, Any], error: type[DomainError]) -> None:
        with pytest.raises(error), transaction.atomic():
            start(clock, code, **how)
        assert not Drill.objects.exists()

    def test_never_without_the_installations_permission(self, clock: Clock, settings: Any) -> None:
        settings.ALLOW_DRILLS = False
        with pytest.raises(drills.DrillsNotAllowed):
            start(clock)

    def test_stopped_before_its_time_it_is_over_at_once(self, clock: Clock) -> None:
        drill_id = start(clock)
        clock.move(minutes=1)
        drills.stop(drill_id=drill_id, by="system", reason="seen enough", at=clock.at)
        assert queries.source("id2").drilled(clock.at) == ""
        assert Notice.objects.get().closed_at == clock.at
        with pytest.raises(drills.DrillOver):
            drills.stop(drill_id=drill_id, by="system", reason="seen enough", at=clock.at)


class TestChecks:
    @pytest.mark.parametrize("mode", ["dead", "slow", "wrong"])
    def test_take_the_path_of_the_outage_and_pay_for_no_call(
        self, declared: Borrower, sandbox: SandboxClient, clock: Clock, mode: str
    ) -> None:
        Source.objects.filter(code="id2").update(timeout_ms=50)
        start(clock, mode=mode)
        declared.call("post", "me/checks", {"kind": "id2"})
        check = Check.objects.get()
        checks.run_check(check_id=check.pk, now=clock.at)
        check.refresh_from_db()
        assert check.source is not None
        assert (check.state, check.source.code, check.price_cents) == ("passed", "id2_b", 20)
        assert sandbox.calls("id2") == []
        met = queries.checks_met("id2", since=clock.at, until=clock.at)
        assert [(row.id, row.answered_by) for row in met] == [(check.pk, "id2_b")]


class TestMessages:
    @pytest.mark.parametrize("mode", ["dead", "slow"])
    def test_wait_and_go_out_when_it_is_over(self, sandbox: SandboxClient, clock: Clock, mode: str) -> None:
        Source.objects.filter(code="sms").update(timeout_ms=50)
        start(clock, "sms", mode=mode, minutes=1)
        message_id = messages.queue(phone=PHONE, template="card_fix", params={}, key=f"drill-{mode}", at=clock.at)
        messages.run_message(message_id=message_id, now=clock.at)
        assert Message.objects.get().state == "queued"
        clock.move(minutes=2)
        messages.run_message(message_id=message_id, now=clock.at)
        assert Message.objects.get().state == "sent"
