"""A channel is told every status it has a word for, numbered without a gap, and nothing about the person."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from lending.models import ApplicationStatus, DrawdownStatus, Event, GrantStatus, LoanStatus
from lending.services import applications
from tests.conftest import Clock
from tests.factories import drawdowns
from tests.factories.applications import judged, submitted
from tests.factories.borrowers import borrower
from tests.factories.configuration import configure
from tests.sandbox_server import SandboxClient
from traffic import services
from traffic.models import Channel, PartnerStatus, StatusPush
from traffic.services.pushes import UnknownChannel
from users import queries as users
from users.models import Notice

# What partners never hear of.
WORDLESS = {"grant:ACTIVE", "grant:FROZEN", "loan:ACTIVE", "loan:COMPENSATED", "loan:WRITTEN_OFF"}


def push_all(at: datetime) -> list[StatusPush]:
    for event in Event.objects.order_by("id"):
        services.push_status(event_id=event.pk, at=at)
    return list(StatusPush.objects.order_by("id"))


def partner(at: datetime, **asked: object) -> None:
    """An application that came through LOANHUB."""
    user_id = borrower(at)
    applications.start(user_id=user_id, product_code="LINE", channel_code="LOANHUB", by=f"user:{user_id}", at=at)


class TestPushStatus:
    def test_numbers_what_has_a_word_and_withholds_the_rest(self, at: datetime) -> None:
        drawdowns.routing(at)
        pushes = push_all(at)
        words = [(push.event.subject, push.event.target, push.word, push.seq, push.state) for push in pushes]
        assert words == [
            ("application", "DRAFT", "RECEIVED", 1, "kept"),
            ("application", "SUBMITTED", "RECEIVED", 2, "kept"),
            ("application", "ASSESSING", "REVIEWING", 3, "kept"),
            ("application", "GRANTED", "GRANTED", 4, "kept"),
            ("grant", "ACTIVE", "", None, "withheld"),
            ("drawdown", "REQUESTED", "DRAWDOWN_REVIEWING", 5, "kept"),
            ("drawdown", "ROUTING", "DRAWDOWN_REVIEWING", 6, "kept"),
        ]
        assert Channel.objects.get(pk="OWN").last_seq == 6
        assert (pushes[-1].payload["amount_cents"] > 0, pushes[-1].payload["currency"]) == (True, "CNY")

    def test_the_same_event_again_is_the_same_push(self, at: datetime) -> None:
        submitted(at)
        assert [push.pk for push in push_all(at)] == [push.pk for push in push_all(at)]
        assert Channel.objects.get(pk="OWN").last_seq == 2

    def test_a_rolled_back_step_leaves_no_gap(self, at: datetime) -> None:
        submitted(at)
        first, second = Event.objects.order_by("id")
        with transaction.atomic():
            services.push_status(event_id=first.pk, at=at)
            transaction.set_rollback(True)
        services.push_status(event_id=first.pk, at=at)
        services.push_status(event_id=second.pk, at=at)
        assert list(StatusPush.objects.order_by("id").values_list("seq", flat=True)) == [1, 2]

    def test_every_state_has_one_word_or_is_known_to_have_none(self, at: datetime) -> None:
        states = {
            f"{subject}:{state}"
            for subject, choices in (
                ("application", ApplicationStatus),
                ("grant", GrantStatus),
                ("drawdown", DrawdownStatus),
                ("loan", LoanStatus),
            )
            for state in choices.values
        }
        mapped = [source for row in PartnerStatus.objects.all() for source in row.sources]
        assert len(mapped) == len(set(mapped))
        assert set(mapped) == states - WORDLESS

    def test_tells_terms_and_reason_classes_and_nothing_about_the_person(self, at: datetime) -> None:
        judged(at, "approve", grade="B", reasons=(), amount_cents=1_000_000)
        declined = judged(at, "decline", grade="E", reasons=("S01", "P02"), with_offer=False)
        by_word = {push.word: push.payload for push in push_all(at)}
        assert by_word["GRANTED"]["limit_cents"] == 1_000_000
        assert by_word["GRANTED"]["annual_rate"] == "0.1440"
        assert by_word["DECLINED"]["reason_classes"] == ["P", "S"]
        assert by_word["GRANTED"]["occurred_at"].endswith("Z")
        assert by_word["DECLINED"]["reapply_at"].endswith("Z")
        person = users.person(Event.objects.filter(application_id=declined)[0].application.user_id)
        for payload in by_word.values():
            assert not any(secret in str(payload) for secret in (person.name, person.phone, person.id_number))

    def test_an_unknown_channel_is_an_error(self, at: datetime) -> None:
        user_id = borrower(at)
        applications.start(user_id=user_id, product_code="LINE", channel_code="NOBODY", by="user:1", at=at)
        with pytest.raises(UnknownChannel):
            services.push_status(event_id=Event.objects.get().pk, at=at)

    def test_database_refuses_a_number_twice(self, at: datetime) -> None:
        submitted(at)
        first, second = push_all(at)
        with pytest.raises(IntegrityError, match="push_seq_once"), transaction.atomic():
            StatusPush.objects.filter(pk=second.pk).update(seq=first.seq)


class TestRunPush:
    def test_delivers_in_a_signed_call_what_was_written_down(self, at: datetime, sandbox: SandboxClient) -> None:
        before = len(sandbox.partner_events("LOANHUB"))
        partner(at)
        [push] = push_all(at)
        assert services.run_due(now=at) == 1
        push.refresh_from_db()
        assert (push.state, push.sent_at) == ("sent", at)
        assert sandbox.partner_events("LOANHUB")[before:] == [push.payload]
        assert not services.run_push(push_id=push.pk, now=at)

    def test_is_tried_again_less_and_less_often_and_given_up_after_a_day(
        self, at: datetime, sandbox: SandboxClient
    ) -> None:
        sandbox.control("partner", error_rate=1)
        partner(at)
        [push] = push_all(at)
        waits = []
        now = at
        for _ in range(4):
            assert services.run_push(push_id=push.pk, now=now)
            push.refresh_from_db()
            assert push.not_before
            waits.append((push.not_before - now).total_seconds())
            now = push.not_before
        assert waits == [1, 2, 4, 8]
        assert "HTTP 500" in push.last_error or "HTTP 503" in push.last_error
        assert not Notice.objects.exists()
        services.run_push(push_id=push.pk, now=at + timedelta(hours=24))
        push.refresh_from_db()
        assert push.state == "failed"
        assert [(n.kind, n.subject) for n in Notice.objects.all()] == [("push_given_up", "channel:LOANHUB")]

    def test_a_channel_without_an_address_does_not_hold_up_the_others(
        self, at: datetime, sandbox: SandboxClient
    ) -> None:
        partner(at)
        user_id = borrower(at)
        applications.start(user_id=user_id, product_code="LINE", channel_code="CARDMATE", by=f"user:{user_id}", at=at)
        Channel.objects.filter(pk="LOANHUB").update(callback_url="http://[no address")
        bad, good = push_all(at)
        assert services.run_due(now=at) == 2
        for push in (bad, good):
            push.refresh_from_db()
        assert (bad.state, bad.last_error, good.state) == ("due", "ValueError", "sent")
        assert bad.not_before


@pytest.mark.django_db(transaction=True)
class TestConcurrency:
    def test_pushes_at_the_same_moment_are_numbered_without_gap_or_double(self, clock: Clock) -> None:
        configure(clock.at, apps=("lending", "users", "traffic"))
        with transaction.atomic():
            for _ in range(6):
                submitted(clock.at)
        events = list(Event.objects.values_list("id", flat=True)) * 2  # everybody comes twice

        def one(event_id: int) -> None:
            try:
                # The second one loses to the unique event, and with it takes its number back.
                with suppress(IntegrityError), transaction.atomic():
                    services.push_status(event_id=event_id, at=clock.at)
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(one, events))
        seqs = list(StatusPush.objects.order_by("seq").values_list("seq", flat=True))
        assert seqs == list(range(1, 13))
        assert Channel.objects.get(pk="OWN").last_seq == 12
