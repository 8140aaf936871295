"""Tags, levels, lists, the access log, actors: what other apps push down and read."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from lending.common import text
from lending.common.errors import Invalid, NotFound
from tests.conftest import Clock
from tests.unit.users.conftest import CARD, ID_NUMBER, PHONE
from users import queries
from users.models import AccessLog, BankCard, Message, StaffAct, Tag, User, UserLevel, UserLevelChange
from users.rules.levels import LoanHistory
from users.services import access, accounts, acts, configuration, levels, lists, profiles, tags


@pytest.fixture
def user_id(tables: None, at: datetime) -> int:
    user_id = accounts.ensure_user(phone=PHONE, at=at)
    profiles.save(user_id=user_id, by="system", at=at, name="王建国", id_number=ID_NUMBER)
    return user_id


STAFF_TAG = {"tag": "watch", "reason": "two employers named"}


class TestTags:
    def test_are_put_once_and_the_one_that_lasts_longer_stands(self, user_id: int, clock: Clock) -> None:
        soon, later = clock.at + timedelta(days=1), clock.at + timedelta(days=2)
        put = {"user_id": user_id, "tag": "night_owl", "at": clock.at}
        assert tags.put(**put, source="decision:1 late", expires_at=later)
        assert not tags.put(**put, source="decision:2 late", expires_at=soon)
        (row,) = queries.tags_of(user_id, clock.at)
        assert (row.source, row.expires_at, row.is_live) == ("decision:1 late", later, True)
        assert queries.live_tags(user_id, clock.at) == ("night_owl",)
        assert queries.live_tags(user_id, later) == ()
        assert tags.put(**put | {"at": later}, source="decision:3 late", expires_at=later + timedelta(days=1))

    def test_of_a_rule_stay_for_the_days_of_their_kind(self, user_id: int, clock: Clock) -> None:
        for tag in ("multi_lender", "unheard_of"):
            tags.put(user_id=user_id, tag=tag, source="decision:1 rule", at=clock.at)
        ends = {row.tag: row.expires_at - clock.at for row in Tag.objects.all() if row.expires_at}
        assert ends == {"multi_lender": timedelta(days=30), "unheard_of": timedelta(days=90)}

    def test_by_hand_need_a_known_tag_a_reason_an_end_and_the_permission(self, user_id: int, clock: Clock) -> None:
        configuration.load_groups()
        lead, service = (
            accounts.make_staff(username=name, password="long enough 17", groups=[name], at=clock.at)
            for name in ("lead", "customer_service")
        )
        good = {
            **STAFF_TAG, "user_id": user_id, "expires_at": clock.at + timedelta(days=9), "by": f"staff:{lead}",
            "at": clock.at,
        }  # fmt: skip
        for wrong, error in (
            ({"tag": "velocity"}, Invalid),
            ({"tag": "WATCH"}, Invalid),
            ({"reason": "  no  "}, acts.ReasonRequired),
            ({"reason": "right to \u202e left"}, text.UnusableText),
            ({"expires_at": clock.at}, lists.ExpiryRequired),
            ({"by": f"staff:{service}"}, acts.NotAllowed),
            ({"user_id": lead}, NotFound),
        ):
            with pytest.raises(error), transaction.atomic():
                tags.put_by_hand(**good | wrong)
        assert not Tag.objects.exists()
        tags.put_by_hand(**good)
        with pytest.raises(tags.AlreadyTagged), transaction.atomic():
            tags.put_by_hand(**good)
        row = Tag.objects.get()
        assert (row.source, row.reason) == (f"staff:{lead}", "two employers named")
        with pytest.raises(acts.NotAllowed), transaction.atomic():
            tags.take_off(tag_id=row.pk, reason="clear now", by=f"staff:{service}", at=clock.at)
        tags.take_off(tag_id=row.pk, reason="clear now", by=f"staff:{lead}", at=clock.at)
        assert queries.live_tags(user_id, clock.at) == ()
        with pytest.raises(NotFound):
            tags.take_off(tag_id=row.pk, reason="clear now", by=f"staff:{lead}", at=clock.at)
        told = [(act.act, act.subject, act.reason) for act in StaffAct.objects.order_by("pk")]
        assert told == [
            ("put_tag", f"user:{user_id}", "watch: two employers named"),
            ("take_off_tag", f"user:{user_id}", "watch: clear now"),
        ]

    @pytest.mark.parametrize("change", [{"reason": ""}, {"expires_at": None}])
    def test_of_staff_without_reason_or_end_are_refused_by_the_database(
        self, user_id: int, at: datetime, change: dict[str, Any]
    ) -> None:
        row = {"tag": "watch", "source": "staff:1", "reason": "seen", "put_at": at, "expires_at": at}
        with pytest.raises(IntegrityError), transaction.atomic():
            Tag.objects.create(user_id=user_id, **row | change)


class TestLevels:
    @pytest.mark.parametrize(
        ("history", "level"),
        [
            (LoanHistory(), "V1"),
            (LoanHistory(on_time_instalments=2), "V1"),
            (LoanHistory(on_time_instalments=3), "V2"),
            (LoanHistory(on_time_instalments=3, settled_loans=1, worst_dpd={12: 3}), "V3"),
            (LoanHistory(on_time_instalments=3, settled_loans=1, worst_dpd={12: 4}), "V2"),
            (LoanHistory(on_time_instalments=9, settled_loans=3, worst_dpd={12: 0, 24: 0}), "V4"),
            (LoanHistory(on_time_instalments=9, settled_loans=3, worst_dpd={12: 0, 24: 1}), "V3"),
            (LoanHistory(on_time_instalments=9, settled_loans=2, worst_dpd={24: 0}), "V3"),
        ],
    )
    def test_follow_the_history(self, user_id: int, at: datetime, history: LoanHistory, level: str) -> None:
        assert levels.recompute(user_id=user_id, history=history, at=at) == level
        assert queries.level(user_id).code == level

    def test_go_down_again_and_every_change_is_kept(self, user_id: int, clock: Clock) -> None:
        good = LoanHistory(on_time_instalments=3)
        levels.recompute(user_id=user_id, history=good, at=clock.at)
        first = clock.at
        levels.recompute(user_id=user_id, history=good, at=clock.move(days=1))
        assert UserLevel.objects.get().since_at == first
        levels.recompute(user_id=user_id, history=LoanHistory(), at=clock.move(days=1))
        assert (queries.level(user_id).code, UserLevel.objects.get().since_at) == ("V1", clock.at)
        changes = queries.level_changes(user_id)
        assert [(row.before.code, row.level.code, row.is_rise) for row in changes] == [
            ("V2", "V1", False),
            ("V1", "V2", True),
        ]
        assert UserLevelChange.objects.earliest("pk").history["on_time_instalments"] == 3
        for change in (UserLevelChange.objects.all().delete, lambda: UserLevelChange.objects.update(at=first)):
            with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
                change()

    def test_a_change_is_told_in_the_day_and_in_the_borrowers_language(self, user_id: int, clock: Clock) -> None:
        levels.recompute(user_id=user_id, history=LoanHistory(on_time_instalments=3), at=clock.at)
        levels.recompute(user_id=user_id, history=LoanHistory(on_time_instalments=3), at=clock.at)
        told = Message.objects.get()
        assert (told.template, told.not_before, "会员等级已升至" in told.text) == ("level_up", None, True)
        User.objects.filter(pk=user_id).update(language="en")
        night = clock.at.replace(hour=0, minute=10)
        for at, hour in ((night, 9), (night.replace(hour=21), 33)):
            levels.recompute(user_id=user_id, history=LoanHistory(), at=at)
            told = Message.objects.latest("pk")
            assert (told.template, told.not_before) == ("level_down", night + timedelta(hours=hour, minutes=-10))
            assert "Your level has changed to" in told.text
            levels.recompute(user_id=user_id, history=LoanHistory(on_time_instalments=3), at=clock.at)
        User.objects.filter(pk=user_id).update(phone=None, phone_index=None, is_active=False)
        levels.recompute(user_id=user_id, history=LoanHistory(), at=clock.at)
        assert Message.objects.count() == 5

    def test_say_what_the_next_one_needs(self, user_id: int, at: datetime) -> None:
        assert [(need.what, need.need, need.have) for need in queries.standing(user_id).needs] == [
            ("on_time_instalments", 3, 0)
        ]
        history = LoanHistory(on_time_instalments=5, settled_loans=1, worst_dpd={12: 4, 24: 4})
        levels.recompute(user_id=user_id, history=history, at=at)
        found = queries.standing(user_id)
        assert (found.level.code, found.next_level and found.next_level.code, found.since) == ("V2", "V3", at)
        assert [(need.what, need.need, need.have, need.months, need.is_met) for need in found.needs] == [
            ("settled_loans", 1, 1, None, True),
            ("max_dpd", 3, 4, 12, False),
        ]
        levels.recompute(user_id=user_id, history=LoanHistory(settled_loans=3, worst_dpd={24: 0}), at=at)
        assert (queries.standing(user_id).next_level, queries.standing(user_id).needs) == (None, ())


class TestLists:
    @pytest.mark.parametrize(
        ("subject", "value"), [("phone", "+86 " + PHONE), ("id_number", ID_NUMBER.lower()), ("card", CARD)]
    )
    def test_hit_by_blind_index(self, user_id: int, clock: Clock, subject: str, value: str) -> None:
        _card(user_id, clock.at)
        assert queries.list_hits(user_id, clock.at) == ()
        entry = lists.add(kind="grey", subject=subject, value=value, reason="shared device", by="system", at=clock.at)
        (hit,) = queries.list_hits(user_id, clock.at)
        assert (hit.kind, hit.subject, hit.reason) == ("grey", subject, "shared device")
        lists.remove(entry_id=entry, reason="no longer", by="system", at=clock.at)
        assert queries.list_hits(user_id, clock.at) == ()

    def test_do_not_hit_others_and_expire(self, user_id: int, clock: Clock) -> None:
        other = accounts.ensure_user(phone="13800138000", at=clock.at)
        soon = clock.at + timedelta(days=1)
        lists.add(kind="black", subject="phone", value=PHONE, reason="fraud", by="system", at=clock.at, expires_at=soon)
        assert queries.list_hits(other, clock.at) == ()
        assert queries.list_hits(user_id, soon) == ()

    def test_refuse_what_is_listed_already_or_cannot_be(self, db: None, at: datetime) -> None:
        facts = {"kind": "black", "subject": "phone", "value": PHONE, "reason": "fraud", "by": "system", "at": at}
        entry = lists.add(**facts)
        with pytest.raises(lists.AlreadyListed):
            lists.add(**facts)
        for wrong in ({"value": "12"}, {"kind": "pink"}, {"subject": "nose"}):
            with pytest.raises(Invalid):
                lists.add(**facts | wrong)
        lists.remove(entry_id=entry, reason="no longer", by="system", at=at)
        with pytest.raises(NotFound):
            lists.remove(entry_id=entry, reason="no longer", by="system", at=at)


class TestAccessLog:
    def test_keeps_who_what_and_why(self, db: None, at: datetime) -> None:
        access.record(by="staff:1", subject="user:2", fields=["phone"], reason="  call back  ", at=at)
        row = AccessLog.objects.get()
        assert (row.by, row.subject, row.fields, row.reason) == ("staff:1", "user:2", ["phone"], "call back")

    def test_needs_a_reason(self, db: None, at: datetime) -> None:
        with pytest.raises(acts.ReasonRequired):
            access.record(by="staff:1", subject="user:2", fields=["phone"], reason="   x ", at=at)


class TestActorName:
    def test_names_staff_and_keeps_borrowers_nameless(self, user_id: int, at: datetime) -> None:
        staff = accounts.make_staff(username="r.one", password="long enough 17", full_name="Reviewer One", at=at)
        assert queries.actor_name(f"staff:{staff}") == "Reviewer One"
        assert queries.actor_name(f"user:{user_id}") == "Borrower"
        assert (queries.actor_name("system"), queries.actor_name("vendor:bureau")) == ("System", "bureau")


def _card(user_id: int, at: datetime) -> None:
    BankCard.objects.create(
        user_id=user_id,
        holder="王建国",
        number=CARD,
        number_index=lists.subject_index("card", CARD),
        last4=CARD[-4:],
        phone=PHONE,
        created_at=at,
    )
