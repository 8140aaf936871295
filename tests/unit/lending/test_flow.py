"""What happens next: in order, once, whoever looks; what fails waits, then is shown to people, and others go on."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction

from contracts.models import Contract
from funding.models import Allocation
from lending import flow
from lending.common import work
from lending.models import Application, Drawdown, Event, Party
from lending.services import applications, drawdowns, grants
from tests.conftest import Clock
from tests.factories import loans as factory
from tests.factories.applications import judged
from tests.factories.borrowers import borrower
from tests.factories.configuration import configure
from tests.factories.loans import Taker
from traffic.models import Channel, OfferSearch, StatusPush
from users.models import Notice

CONFIGURED = ("lending", "users", "funding", "traffic")


@pytest.fixture
def at(clock: Clock, db: None) -> datetime:
    configure(clock.at, CONFIGURED)
    return clock.at


def started(at: datetime, channel: str = "OWN", user_id: int | None = None) -> int:
    """A draft; of a channel that traffic does not know, its first event cannot be pushed and fails."""
    user_id = user_id or borrower(at)
    return applications.start(user_id=user_id, product_code="LINE", channel_code=channel, by=f"user:{user_id}", at=at)


def signed_without_contracts(at: datetime, drawdown_id: int) -> None:
    """Its payout step fails: contracts finds the set incomplete."""
    ask = {"funder_code": "QTX", "guarantor_code": "", "mode": "own"}
    drawdowns.record_check(drawdown_id=drawdown_id, outcome="approve", reasons=(), decision_id=None, at=at)
    drawdowns.funder_pending(drawdown_id=drawdown_id, **ask, at=at)
    drawdowns.funder_accepted(drawdown_id=drawdown_id, expires_at=at + timedelta(days=1), at=at)
    drawdowns.signed(drawdown_id=drawdown_id, contract_set_sha256="ab" * 32, at=at)


def handled(**of: object) -> list[bool]:
    return [event.handled_at is not None for event in Event.objects.filter(**of).order_by("id")]


def of(event: Event) -> Event:
    event.refresh_from_db()
    return event


class TestOrder:
    def test_takes_the_oldest_first_and_tells_the_channel_of_each(self, at: datetime) -> None:
        ids = [started(at) for _ in range(3)]
        applications.withdraw(application_id=ids[0], by="user:1", at=at)
        assert flow.run_due(at=at, limit=3) == 3
        assert [handled(application_id=pk) for pk in ids] == [[True, False], [True], [True]]
        assert flow.run_due(at=at) == 1
        assert flow.run_due(at=at) == 0
        seqs = list(StatusPush.objects.order_by("id").values_list("seq", flat=True))
        assert seqs == [1, 2, 3, 4] == sorted(seqs)

    def test_later_events_of_a_subject_and_its_children_wait_for_it_and_others_do_not(self, at: datetime) -> None:
        stuck, other = started(at, "NOBODY"), started(at)
        applications.withdraw(application_id=stuck, by="user:1", at=at)
        flow.run_due(at=at)
        assert handled(application_id=stuck) == [False, False]
        assert handled(application_id=other) == [True]
        assert Event.objects.filter(application_id=stuck, attempts=0).count() == 1

    def test_siblings_do_not_wait_for_each_other(self, at: datetime, who: Taker, grant_id: int) -> None:
        """A payout without contracts fails: the other drawdown of the same grant ends, the grant itself goes on."""
        signed, other = (factory.requested(at, who, grant_id) for _ in range(2))
        signed_without_contracts(at, signed)
        drawdowns.cancel(drawdown_id=other, by=who.by, at=at)
        grants.freeze(grant_id=grant_id, reason="look", by="system", at=at)
        flow.run_due(at=at)
        assert all(handled(drawdown_id=other))
        assert all(handled(subject="grant"))
        waiting = Event.objects.filter(handled_at=None)
        assert [(event.drawdown_id, event.target) for event in waiting] == [(signed, "SIGNED")]
        assert "ContractSetIncomplete" in waiting.get().last_error

    def test_a_child_waits_for_its_parent(self, at: datetime) -> None:
        pk = judged(at, "approve", reasons=())
        grants.open(application_id=pk, at=at)
        Application.objects.filter(pk=pk).update(channel_code="NOBODY")
        flow.run_due(at=at)
        assert not any(handled(application_id=pk))
        assert Event.objects.get(subject="grant").attempts == 0


class TestFailing:
    def test_is_tried_later_and_later_then_parked_with_a_notice(self, at: datetime) -> None:
        event = Event.objects.get(application_id=started(at, "NOBODY"))
        now = at
        for attempt in range(1, flow.MAX_ATTEMPTS):
            assert flow.run_due(at=now) == 1
            assert (of(event).attempts, event.parked_at, event.not_before) == (
                attempt,
                None,
                now + work.back_off(attempt),
            )
            assert flow.run_due(at=now) == 0
            now = event.not_before or now
        assert flow.run_due(at=now) == 1
        assert of(event).parked_at == now
        notice = Notice.objects.get()
        assert (notice.kind, notice.subject, notice.severity) == ("step_parked", f"event:{event.pk}", "critical")
        assert flow.run_due(at=now + timedelta(days=9)) == 0
        assert StatusPush.objects.count() == 0

    def test_goes_on_once_operations_have_removed_the_cause(self, at: datetime) -> None:
        pk = started(at, "NOBODY")
        now = at
        while not Event.objects.filter(parked_at__isnull=False).exists():
            flow.run_due(at=now)
            now += timedelta(minutes=10)
        applications.withdraw(application_id=pk, by="user:1", at=now)
        assert flow.run_due(at=now) == 0
        party = Party.objects.create(code="NOBODY", kind="channel", legal_name="Nobody")
        Channel.objects.create(party=party, flow="full_h5", products=["LINE"])
        flow.unpark(
            event_id=Event.objects.earliest("id").pk, by="system", reason="the channel is configured now", at=now
        )
        assert flow.run_due(at=now) == 2
        assert handled(application_id=pk) == [True, True]
        assert Channel.objects.get(pk="NOBODY").last_seq == 2

    def test_leaves_nothing_of_the_step_behind(self, at: datetime, who: Taker, grant_id: int) -> None:
        drawdown_id = factory.requested(at, who, grant_id)
        signed_without_contracts(at, drawdown_id)
        flow.run_due(at=at)
        event = Event.objects.get(drawdown_id=drawdown_id, target="SIGNED")
        assert event.attempts == 1
        assert not StatusPush.objects.filter(event=event).exists()
        assert Drawdown.objects.get(pk=drawdown_id).status == "SIGNED"


class TestLateEvents:
    def test_a_step_whose_subject_has_moved_on_is_told_but_not_taken(
        self, at: datetime, who: Taker, grant_id: int
    ) -> None:
        drawdown_id = factory.requested(at, who, grant_id)
        drawdowns.record_check(drawdown_id=drawdown_id, outcome="approve", reasons=(), decision_id=None, at=at)
        drawdowns.cancel(drawdown_id=drawdown_id, by=who.by, at=at)
        flow.run_due(at=at)
        assert handled(drawdown_id=drawdown_id) == [True, True, True]
        assert not Allocation.objects.exists()  # nobody was sought for it any more
        assert not Contract.objects.exists()
        assert StatusPush.objects.filter(event__drawdown_id=drawdown_id).count() == 3

    def test_a_grant_is_opened_once_however_often_the_event_comes(self, at: datetime) -> None:
        pk = judged(at, "approve", offer_cents=500_000, amount_cents=1_000_000, reasons=())
        flow.run_due(at=at)
        Event.objects.filter(application_id=pk).update(handled_at=None)
        flow.run_due(at=at)
        assert Event.objects.filter(subject="grant").count() == 1
        assert OfferSearch.objects.filter(application_id=pk, trigger="asked_more_than_granted").exists()
        assert StatusPush.objects.count() == Event.objects.count()


class TestSweep:
    def test_looks_for_money_again_when_the_next_day_s_begins(self, at: datetime, who: Taker, grant_id: int) -> None:
        drawdown_id = factory.requested(at, who, grant_id)
        drawdowns.record_check(drawdown_id=drawdown_id, outcome="approve", reasons=(), decision_id=None, at=at)
        drawdowns.no_funder(drawdown_id=drawdown_id, reasons=["M01"], at=at)
        cut_off = at.replace(hour=23)  # of HYF, whose money of tomorrow newcomers are given from then on
        assert flow.sweep(at=cut_off - timedelta(seconds=1)) == 0
        assert flow.sweep(at=cut_off) == 1
        assert Drawdown.objects.get(pk=drawdown_id).status == "ROUTING"


@pytest.mark.django_db(transaction=True)
class TestSeveralWorkers:
    @pytest.fixture
    def at(self, clock: Clock) -> datetime:
        with transaction.atomic():
            configure(clock.at, CONFIGURED)
        return clock.at

    def test_take_each_event_once_and_step_over_what_another_holds(self, at: datetime) -> None:
        with transaction.atomic():
            held, *others = [started(at) for _ in range(6)]
        with transaction.atomic():
            applications.withdraw(application_id=held, by="user:1", at=at)
        with transaction.atomic():
            first = next(iter(Event.objects.raw(flow.NEXT_EVENT, [at])))
            assert first.application_id == held
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(self.run, at).result() == 5
            assert handled(application_id=held) == [False, False]
            assert all(all(handled(application_id=pk)) for pk in others)
        for pk in others:
            with transaction.atomic():
                applications.withdraw(application_id=pk, by="user:1", at=at)
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(self.run, [at] * 3))
        while flow.run_due(at=at):  # who came second to a row went home early; the sweep comes again
            pass
        assert all(handled())
        assert StatusPush.objects.count() == 12
        seqs = sorted(StatusPush.objects.values_list("seq", flat=True))
        assert seqs == list(range(1, 13))

    def run(self, at: datetime) -> int:
        try:
            return flow.run_due(at=at)
        finally:
            connection.close()
