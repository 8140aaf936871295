"""Velocity: who else applied lately with the same thing; through how many partners one person came."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from lending import queries as lending
from lending.models import Application
from risk import queries, services
from risk.rules.velocity import BadWindow, Window, counted, window
from risk.services import register, velocity
from tests.factories.applications import submitted
from tests.factories.borrowers import borrower, device
from tests.factories.drawdowns import card
from tests.sandbox_server import SandboxClient
from tests.unit.risk.conftest import Apply, assessment
from users import queries as users
from users.models import BankCard, Device
from users.services import contacts, lists, profiles
from users.services.contacts import NewContact

Other = Callable[..., int]
CONTACT = "13700000001"
ADDRESS = "文昌路 12号 3室"


def use(user_id: int, fingerprint: str, at: datetime) -> None:
    device(user_id, at, fingerprint)


def name_contact(user_id: int, phone: str, at: datetime) -> None:
    contacts.replace(user_id=user_id, contacts=[NewContact("friend", "李四", phone)], at=at)


def live_at(user_id: int, address: str, at: datetime) -> None:
    profiles.save(user_id=user_id, address=address, by=f"user:{user_id}", at=at)


def bind(user_id: int, like: BankCard, at: datetime) -> None:
    own = BankCard.objects.get(pk=card(user_id, at))
    own.number, own.number_index = like.number, like.number_index
    own.save(update_fields=["number", "number_index"])


def applied(user_id: int, when: datetime, at: datetime) -> None:
    """Documents are in force from `at` on, so the application is moved back."""
    Application.objects.filter(pk=submitted(at, user_id=user_id)).update(submitted_at=when)


SHARE: dict[str, Callable[[int, datetime], None]] = {
    "device": lambda user_id, at: use(user_id, "d" * 32, at),
    "contact": lambda user_id, at: name_contact(user_id, CONTACT, at),
    "address": lambda user_id, at: live_at(user_id, ADDRESS, at),
}


@pytest.fixture
def me(configured: None, at: datetime) -> int:
    with transaction.atomic():
        return borrower(at)


@pytest.fixture
def other(configured: None, at: datetime) -> Other:
    """Somebody else who shares `thing` and applied `days` ago; days=None: never applied."""

    @transaction.atomic
    def make(thing: str, days: float | None) -> int:
        user_id = borrower(at)
        SHARE[thing](user_id, at)
        if days is not None:
            applied(user_id, at - timedelta(days=days), at)
        return user_id

    return make


def count(user_id: int, path: str, at: datetime) -> int | None:
    return velocity.counts(user_id=user_id, asked={"v": window(path)}, at=at)["v"]


class TestWindow:
    def test_is_a_subject_and_days(self) -> None:
        assert window("device/7") == Window("device", 7)

    @pytest.mark.parametrize("path", ["device", "device/0", "device/x", "shoe/7", "", "device/-1"])
    def test_is_refused_otherwise(self, path: str) -> None:
        with pytest.raises(BadWindow):
            window(path)

    def test_ends_at_the_instant_and_begins_after_its_first(self, at: datetime) -> None:
        day = timedelta(days=1)
        latest = {1: at, 2: at - day, 3: at - day + timedelta(seconds=1), 4: at + timedelta(seconds=1)}
        assert counted(latest, Window("device", 1), at) == 2

    def test_every_shipped_variable_has_one(self, configured: None) -> None:
        found = register.catalogue().velocities
        assert len(found) == 10
        assert all(name.endswith(f"_{each.days}d") and name.startswith(each.subject) for name, each in found.items())


class TestCounts:
    @pytest.mark.parametrize("thing", sorted(SHARE))
    def test_others_who_applied_within_the_days(self, me: int, other: Other, at: datetime, thing: str) -> None:
        assert thing == "contact" or count(me, f"{thing}/30", at) is None
        SHARE[thing](me, at)
        submitted(at, user_id=me)
        assert count(me, f"{thing}/30", at) == 0
        for days in (1, 29.9, 30, None):
            other(thing, days)
        assert (count(me, f"{thing}/30", at), count(me, f"{thing}/7", at)) == (2, 1)

    def test_the_same_card_under_another_account(self, me: int, at: datetime) -> None:
        assert count(me, "card/90", at) is None
        mine = BankCard.objects.get(pk=card(me, at))
        somebody = borrower(at)
        submitted(at, user_id=somebody)
        bind(somebody, mine, at)
        assert count(me, "card/90", at) == 1

    def test_one_person_with_two_shared_things_counts_once(self, me: int, at: datetime) -> None:
        somebody = borrower(at)
        submitted(at, user_id=somebody)
        for fingerprint in ("e" * 32, "f" * 32):
            use(me, fingerprint, at)
            use(somebody, fingerprint, at)
        assert count(me, "device/7", at) == 1

    def test_partners_are_the_channels_of_one_person(self, me: int, at: datetime) -> None:
        assert count(me, "partner/30", at) == 0
        applied(me, at - timedelta(days=1), at)
        assert count(me, "partner/30", at) == 1
        row = Application.objects.get(user_id=me)
        row.pk, row.public_id, row.product_family = None, uuid.uuid4(), "another"
        row.channel_code, row.submitted_at = "LOANHUB", at - timedelta(days=8)
        row.save()
        assert (count(me, "partner/30", at), count(me, "partner/7", at)) == (2, 1)
        assert set(lending.partners_since(me, at - timedelta(days=30), at)) == {"OWN", "LOANHUB"}

    def test_what_many_share_is_read_no_further_than_the_cap(
        self, me: int, at: datetime, django_assert_num_queries: Any
    ) -> None:
        use(me, "d" * 32, at)
        for seconds in range(1, 6):
            use(borrower(at), "d" * 32, at + timedelta(seconds=seconds))
        with django_assert_num_queries(2):
            own = users.shareable(me, ["device"])["device"]
            found = users.sharers(me, "device", own, at_most=3)
        newest = Device.objects.order_by("-last_seen_at").values_list("user_id", flat=True)[:3]
        assert set(found) == set(newest)


class TestInAnAssessment:
    def test_a_shared_device_refers_and_tags(
        self, apply: Apply, other: Other, at: datetime, sandbox: SandboxClient
    ) -> None:
        assessment_id = apply(3)
        user_id = assessment(assessment_id).user_id
        use(user_id, "d" * 32, at)
        for _ in range(2):
            other("device", 1)
        services.run_assessment(assessment_id=assessment_id, now=at)
        done = assessment(assessment_id)
        assert (done.outcome, done.application.reasons) == ("refer", ["F02"])
        found = next(row for row in queries.decisions_of(done.application_id) if row.scenario == "antifraud")
        assert (found.inputs["device_borrowers_7d"], found.tags) == (2, ("velocity",))
        assert found.inputs["card_borrowers_90d"] is None  # no card yet: unknown, and passed

    def test_white_is_spared_the_soft_rules_and_no_hard_one(
        self, apply: Apply, other: Other, at: datetime, sandbox: SandboxClient
    ) -> None:
        assessment_id = apply(3)
        user_id = assessment(assessment_id).user_id
        use(user_id, "d" * 32, at)
        for _ in range(2):
            other("device", 1)
        phone = users.person(user_id).phone
        lists.add(kind="white", subject="phone", value=phone, reason="staff device", by="system", at=at)
        services.run_assessment(assessment_id=assessment_id, now=at)
        assert assessment(assessment_id).outcome == "approve"

    def test_white_and_black_is_declined(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
        assessment_id = apply(3)
        phone = users.person(assessment(assessment_id).user_id).phone
        for kind in ("white", "black"):
            lists.add(kind=kind, subject="phone", value=phone, reason="contradiction", by="system", at=at)
        services.run_assessment(assessment_id=assessment_id, now=at)
        done = assessment(assessment_id)
        (found,) = queries.decisions_of(done.application_id)
        assert (done.outcome, found.inputs["listed_phone"]) == ("decline", ["black", "white"])
        assert (found.inputs["listed_id"], found.inputs["white_listed"]) == ([], True)
