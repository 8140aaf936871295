"""Figures of what channels called and were told, and the file of a day."""

from datetime import UTC, date, datetime, timedelta
from itertools import count

import pytest
from django.db import connection

from lending.models import Event
from lending.services import applications
from tests.conftest import Clock
from tests.factories.borrowers import borrower
from traffic import services
from traffic.models import ChannelDay, PartnerCall, Precheck, StatusPush
from traffic.queries import console, reconciliation
from traffic.services.calls import answered

DAY = date(2026, 3, 2)  # as the clock of the tests stands
TRUE = datetime(2026, 11, 26, 12, tzinfo=UTC)  # what real clocks show meanwhile
_numbers = count()


def called(operation: str, ms: int | None, status: int | None = 200, at: datetime = TRUE, **said: str) -> None:
    PartnerCall.objects.create(
        channel_id=said.pop("channel", "LOANHUB"), nonce=f"nonce-{next(_numbers):016d}", operation=operation, at=at,
        ms=ms, status=status, **said,
    )  # fmt: skip


def told(at: datetime, channel: str = "LOANHUB") -> StatusPush:
    user_id = borrower(at)
    applications.start(user_id=user_id, product_code="LINE", channel_code=channel, by=f"user:{user_id}", at=at)
    return StatusPush.objects.get(pk=services.push_status(event_id=Event.objects.latest("pk").pk, at=at))


class TestConsole:
    def shown(self, at: datetime, *channels: str, days: int = 1) -> console.Console:
        codes = channels or console.channel_codes()
        return console.console(channels=codes, since=DAY - timedelta(days=days - 1), until=DAY, at=at, now=TRUE)

    def test_counts_calls_by_channel_day_operation_and_verdict(self, at: datetime) -> None:
        for ms in range(1, 101):
            called("precheck", ms, verdict="eligible")
        called("intake", 300, 409, code="cooling_off")
        called("intake", 700, 500, code="error")
        called("intake", None, None)  # never answered
        called("events", 5, channel="POCKET")
        called("events", 5, at=TRUE - timedelta(days=1))  # the day before
        found = self.shown(at)
        loanhub = next(row for row in found.channels if row.code == "LOANHUB")
        assert (loanhub.calls.total, loanhub.calls.good, loanhub.calls.refused, loanhub.calls.failed) == (
            103,
            100,
            1,
            2,
        )
        precheck = next(row for row in found.operations if row.name == "precheck")
        assert (precheck.p50, precheck.p95) == (50.5, pytest.approx(95.05))
        assert [row.name for row in found.operations] == ["precheck", "intake", "events"]
        assert {(row.operation, row.word, row.refused): row.count for row in found.verdicts} == {
            ("precheck", "eligible", False): 100,
            ("intake", "cooling_off", True): 1,
            ("intake", "error", True): 1,
            ("intake", "no_answer", True): 1,
            ("events", "", False): 1,
        }
        assert self.shown(at, "POCKET").operations[0].total == 1
        assert [calls.total for calls, _, _ in self.shown(at, days=2).days] == [1, 104]

    def test_counts_hits_quota_and_how_statuses_were_taken(self, at: datetime, clock: Clock) -> None:
        for number in range(4):
            Precheck.objects.create(channel_id="LOANHUB", digest="0" * 8, answer="eligible", hit=number < 1, at=at)
        ChannelDay.objects.create(channel_id="LOANHUB", date=DAY, used=3)
        states = {"in time": 59, "late": 61, "given up": None, "waits": None}
        pushes = {name: told(at) for name in states}
        for name, seconds in states.items():
            if seconds:
                pushes[name].state, pushes[name].sent_at = "sent", at + timedelta(seconds=seconds)
        pushes["given up"].state = "failed"
        StatusPush.objects.bulk_update(pushes.values(), ["state", "sent_at"])
        row = next(row for row in self.shown(clock.move(seconds=61)).channels if row.code == "LOANHUB")
        assert (row.asked.prechecks, row.asked.hit_ratio, row.used, row.quota) == (4, 0.25, 3, 500)
        assert row.told == console.Told(in_time=1, late=1, waiting=1, overdue=1, failed=1)

    def test_with_nothing_to_tell_says_so(self, at: datetime) -> None:
        found = self.shown(at)
        assert [row.code for row in found.channels] == ["CARDMATE", "LOANHUB", "POCKET"]
        assert {row.calls.p50 for row in found.channels} == {row.asked.hit_ratio for row in found.channels} == {None}
        assert (found.operations, found.verdicts) == ((), ())

    def test_how_a_call_ended_is_one_statement_that_waits_for_no_disk(self, at: datetime) -> None:
        called("precheck", None, None)
        call = PartnerCall.objects.get()
        answered(call_id=call.pk, status=200, code="", verdict="eligible", ms=4)
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            assert cursor.fetchone() == ("off",)  # of this transaction alone: `SET LOCAL`
        call.refresh_from_db()
        assert (call.status, call.verdict, call.ms) == (200, "eligible", 4)


class TestTheFileOfADay:
    def test_days_follow_each_other_without_a_gap_and_without_another_channel(self, at: datetime, clock: Clock) -> None:
        midnight = at.replace(hour=23, minute=59, second=59)
        told(midnight)
        told(midnight, "POCKET")
        told(midnight + timedelta(seconds=1))
        told(midnight + timedelta(hours=3))
        days = [reconciliation.day_of("LOANHUB", DAY + timedelta(days=n), at=at + timedelta(days=3)) for n in (0, 1)]
        assert [[line.seq for line in lines] for lines in days] == [[1], [2, 3]]
        assert {line.status for lines in days for line in lines} == {"RECEIVED"}

    @pytest.mark.parametrize("hours", [0, 14, 14.08])
    def test_is_refused_until_the_day_is_over(self, at: datetime, hours: float) -> None:
        with pytest.raises(reconciliation.DayNotOver):
            reconciliation.day_of("LOANHUB", DAY, at=at + timedelta(hours=hours))
        assert reconciliation.day_of("LOANHUB", DAY, at=at + timedelta(hours=14, minutes=5)) == []
