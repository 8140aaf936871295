"""Tags, levels, lists, the access log, actors: what other apps push down and read."""

from datetime import datetime, timedelta

import pytest

from lending.common.errors import Invalid, NotFound
from tests.conftest import Clock
from tests.unit.users.conftest import CARD, ID_NUMBER, PHONE
from users import queries
from users.models import AccessLog, BankCard, UserLevel
from users.rules.levels import LoanHistory
from users.services import access, accounts, acts, levels, lists, profiles, tags


@pytest.fixture
def user_id(tables: None, at: datetime) -> int:
    user_id = accounts.ensure_user(phone=PHONE, at=at)
    profiles.save(user_id=user_id, by="system", at=at, name="王建国", id_number=ID_NUMBER)
    return user_id


class TestTags:
    def test_are_put_once_renewed_and_expire(self, user_id: int, clock: Clock) -> None:
        soon = clock.at + timedelta(days=1)
        for source in ("decision:1", "decision:2"):
            tags.put(user_id=user_id, tag="night_owl", source=source, expires_at=soon, at=clock.at)
        assert queries.live_tags(user_id, clock.at) == ("night_owl",)
        assert queries.live_tags(user_id, soon) == ()
        assert tags.take_off(user_id=user_id, tag="night_owl")
        assert not tags.take_off(user_id=user_id, tag="night_owl")


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

    def test_go_down_again_and_remember_since_when(self, user_id: int, clock: Clock) -> None:
        good = LoanHistory(on_time_instalments=3)
        levels.recompute(user_id=user_id, history=good, at=clock.at)
        first = clock.at
        levels.recompute(user_id=user_id, history=good, at=clock.move(days=1))
        assert UserLevel.objects.get().since_at == first
        levels.recompute(user_id=user_id, history=LoanHistory(), at=clock.move(days=1))
        assert (queries.level(user_id).code, UserLevel.objects.get().since_at) == ("V1", clock.at)


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
