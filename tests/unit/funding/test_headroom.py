"""A programme's day is never over its cap, whoever comes at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funding.models import HeadroomDay, HeadroomMonth, Programme, Reservation
from funding.services import headroom
from tests.conftest import Clock
from tests.factories import drawdowns
from tests.factories.configuration import configure

DAY = date(2026, 3, 2)


@pytest.fixture
def drawdown_id(at: datetime) -> int:
    return drawdowns.routing(at)


def reserve(drawdown_id: int, amount_cents: int, at: datetime, day: date = DAY) -> int | None:
    return headroom.reserve(programme_code="HYF-D", drawdown_id=drawdown_id, amount_cents=amount_cents, day=day, at=at)


def state(day: date = DAY) -> tuple[int, int]:
    row = HeadroomDay.objects.get(programme="HYF-D", business_date=day)
    return row.reserved_cents, row.committed_cents


class TestReserve:
    def test_holds_the_amount_of_day_and_month_with_a_ledger_row(self, at: datetime) -> None:
        drawdown_id = drawdowns.routing(at)
        reservation_id = reserve(drawdown_id, 500, at)
        assert state() == (500, 0)
        assert HeadroomMonth.objects.get(programme="HYF-D").reserved_cents == 500
        row = Reservation.objects.get(pk=reservation_id)
        assert (row.kind, row.amount_cents, row.business_date) == ("reserve", 500, DAY)

    def test_fills_the_day_to_the_cent_and_not_beyond(self, at: datetime) -> None:
        drawdown_id = drawdowns.routing(at)
        cap = Programme.objects.get(pk="HYF-D").cap_day_cents
        assert cap is not None
        assert reserve(drawdown_id, cap - 1, at)
        assert reserve(drawdown_id, 2, at) is None
        assert HeadroomMonth.objects.get(programme="HYF-D").reserved_cents == cap - 1
        assert reserve(drawdown_id, 1, at)
        assert state() == (cap, 0)

    def test_stops_at_the_month_s_cap(self, at: datetime) -> None:
        drawdown_id = drawdowns.routing(at)
        Programme.objects.filter(pk="HYF-D").update(cap_month_cents=1000)
        assert reserve(drawdown_id, 700, at)
        assert reserve(drawdown_id, 400, at, DAY + timedelta(days=1)) is None
        assert not HeadroomDay.objects.filter(business_date=DAY + timedelta(days=1), reserved_cents__gt=0).exists()

    def test_first_day_of_a_known_month_leaves_no_double_in_the_month(self, at: datetime) -> None:
        drawdown_id = drawdowns.routing(at)
        reserve(drawdown_id, 700, at)
        reserve(drawdown_id, 400, at, DAY + timedelta(days=1))
        assert HeadroomMonth.objects.get(programme="HYF-D").reserved_cents == 1100


class TestClose:
    def test_release_and_commit_happen_once_and_exclude_each_other(self, at: datetime) -> None:
        drawdown_id = drawdowns.routing(at)
        released, committed = reserve(drawdown_id, 300, at), reserve(drawdown_id, 500, at)
        assert released
        assert committed
        assert headroom.release(reservation_id=released, at=at)
        assert not headroom.release(reservation_id=released, at=at)
        assert not headroom.commit(reservation_id=released, at=at)
        assert headroom.commit(reservation_id=committed, at=at)
        assert not headroom.release(reservation_id=committed, at=at)
        assert state() == (0, 500)

    def test_only_what_went_out_can_come_back_and_only_once(self, at: datetime) -> None:
        reservation_id = reserve(drawdowns.routing(at), 500, at)
        assert reservation_id
        assert not headroom.return_(reservation_id=reservation_id, at=at)
        headroom.commit(reservation_id=reservation_id, at=at)
        assert headroom.return_(reservation_id=reservation_id, at=at)
        assert not headroom.return_(reservation_id=reservation_id, at=at)
        assert state() == (0, 0)

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(acts=st.lists(st.tuples(st.sampled_from(["reserve", "release", "commit", "return"]), st.integers(1, 60))))
    def test_any_order_of_acts_keeps_day_month_and_ledger_equal(
        self, at: datetime, drawdown_id: int, acts: list[tuple[str, int]]
    ) -> None:
        with transaction.atomic():
            Programme.objects.filter(pk="HYF-D").update(cap_day_cents=100)
            ids: list[int] = []
            ledger: dict[int, tuple[str, int]] = {}
            for act, number in acts:
                if act == "reserve":
                    if reservation_id := reserve(drawdown_id, number, at):
                        ids.append(reservation_id)
                        ledger[reservation_id] = ("reserved", number)
                elif ids:
                    chosen = ids[number % len(ids)]
                    verb = {"release": headroom.release, "commit": headroom.commit, "return": headroom.return_}[act]
                    before, amount = ledger[chosen]
                    moved = verb(reservation_id=chosen, at=at)
                    after = {("reserved", "release"): "free", ("reserved", "commit"): "committed"}
                    after |= {("committed", "return"): "free"}
                    assert moved == ((before, act) in after)
                    ledger[chosen] = (after.get((before, act), before), amount)
            expected = tuple(
                sum(amount for kind, amount in ledger.values() if kind == wanted)
                for wanted in ("reserved", "committed")
            )
            assert sum(expected) <= 100
            if ids:
                assert state() == expected
                month = HeadroomMonth.objects.get(programme="HYF-D")
                assert (month.reserved_cents, month.committed_cents) == expected
            transaction.set_rollback(True)


class TestConstraints:
    def test_database_refuses_a_day_over_its_cap(self, at: datetime) -> None:
        reserve(drawdowns.routing(at), 500, at)
        with pytest.raises(IntegrityError, match="day_within_its_cap"), transaction.atomic():
            HeadroomDay.objects.update(committed_cents=40_000_000)

    def test_ledger_is_append_only(self, at: datetime) -> None:
        reserve(drawdowns.routing(at), 500, at)
        for act in (lambda: Reservation.objects.update(amount_cents=1), lambda: Reservation.objects.all().delete()):
            with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
                act()


@pytest.mark.django_db(transaction=True)
class TestConcurrency:
    def test_two_hundred_at_once_never_take_more_than_the_last_hundred_thousand(self, clock: Clock) -> None:
        at = clock.at
        configure(at, apps=("lending", "users", "funding"))
        with transaction.atomic():
            drawdown_id = drawdowns.routing(at)
            reserve(drawdown_id, 30_000_000, at)

        def one(_: int) -> int | None:
            try:
                with transaction.atomic():
                    return reserve(drawdown_id, 370_000, at)
            finally:
                connection.close()

        with ThreadPoolExecutor(20) as pool:
            got = [found for found in pool.map(one, range(200)) if found]
        assert len(got) == len(set(got)) == 27  # 27 x ¥3,700 = ¥99,900
        assert state() == (30_000_000 + 27 * 370_000, 0)
        assert HeadroomMonth.objects.get(programme="HYF-D").reserved_cents == 30_000_000 + 27 * 370_000
        assert Reservation.objects.filter(kind="reserve").count() == 28
