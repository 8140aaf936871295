"""A programme's day is never over its cap, whoever comes at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funding.models import (
    Guarantor,
    HeadroomBorrower,
    HeadroomDay,
    HeadroomGuarantor,
    HeadroomMonth,
    HeadroomTotal,
    Programme,
    Reservation,
)
from funding.queries import board
from funding.services import headroom
from tests.conftest import Clock
from tests.factories import drawdowns, loans
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
        Programme.objects.update(per_borrower_cents=cap)
        assert reserve(drawdown_id, cap - 1, at)
        assert reserve(drawdown_id, 2, at) is None
        assert HeadroomMonth.objects.get(programme="HYF-D").reserved_cents == cap - 1
        assert reserve(drawdown_id, 1, at)
        assert state() == (cap, 0)

    @pytest.mark.parametrize("cap", ["cap_day_cents", "cap_month_cents"])
    def test_a_cap_that_is_changed_holds_from_the_next_reservation_on(self, at: datetime, cap: str) -> None:
        drawdown_id, ours = drawdowns.routing(at), Programme.objects.filter(pk="HYF-D")
        assert reserve(drawdown_id, 400, at)
        ours.update(**{cap: 500})
        assert reserve(drawdown_id, 101, at) is None
        ours.update(**{cap: 501})
        assert reserve(drawdown_id, 101, at)
        ours.update(**{cap: 300})  # below what is held: nothing more, and nothing is taken back
        assert reserve(drawdown_id, 1, at) is None
        assert state() == (501, 0)
        [row] = [row for row in board.board(at).programmes if row.code == "HYF-D"]
        free = {"cap_day_cents": row.today, "cap_month_cents": row.month}[cap].free_cents
        assert free == -201

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


def owed(kind: type[HeadroomTotal | HeadroomBorrower | HeadroomGuarantor]) -> tuple[int, int]:
    row = kind.objects.get()
    return row.reserved_cents, row.committed_cents


class TestOutstanding:
    """Programme, borrower and guarantor count what is owed, over all days."""

    KINDS: tuple[type[HeadroomTotal | HeadroomBorrower | HeadroomGuarantor], ...] = (
        HeadroomTotal,
        HeadroomBorrower,
        HeadroomGuarantor,
    )

    @pytest.fixture(autouse=True)
    def _guaranteed(self, at: datetime) -> None:
        Programme.objects.filter(pk="HYF-D").update(guarantor="AHG")

    @pytest.mark.parametrize(
        ("table", "change"),
        [
            (Programme, {"cap_outstanding_cents": 1000}),
            (Programme, {"per_borrower_cents": 1000}),
            (Guarantor, {"net_capital_cents": 100}),
        ],
    )
    def test_stops_at_each_cap_and_takes_nothing_of_the_others(
        self, at: datetime, drawdown_id: int, table: type[Model], change: dict[str, int]
    ) -> None:
        table._default_manager.update(**change)
        assert reserve(drawdown_id, 1001, at) is None
        first = reserve(drawdown_id, 700, at)
        assert first
        next_month = DAY + timedelta(days=40)
        assert reserve(drawdown_id, 301, at, next_month) is None
        assert [owed(kind) for kind in self.KINDS] == [(700, 0)] * 3
        assert sum(row.reserved_cents for row in HeadroomMonth.objects.all()) == 700
        assert reserve(drawdown_id, 300, at, next_month)
        assert headroom.release(reservation_id=first, at=at)
        assert [owed(kind) for kind in self.KINDS] == [(300, 0)] * 3

    def test_a_repayment_gives_back_what_is_no_longer_owed_and_leaves_day_and_month(
        self, at: datetime, drawdown_id: int
    ) -> None:
        pk = reserve(drawdown_id, 1000, at)
        assert pk
        assert not headroom.repay(reservation_id=pk, owed_cents=0, at=at)  # it has not gone out
        headroom.commit(reservation_id=pk, at=at)
        assert headroom.repay(reservation_id=pk, owed_cents=600, at=at)
        assert not headroom.repay(reservation_id=pk, owed_cents=600, at=at)
        assert [owed(kind) for kind in self.KINDS] == [(0, 600)] * 3
        assert state() == (0, 1000)
        assert headroom.return_(reservation_id=pk, at=at)  # sent back after a part of it was repaid
        assert [owed(kind) for kind in self.KINDS] == [(0, 0)] * 3
        assert state() == (0, 0)

    def test_a_lowered_cap_refuses_and_lets_go_what_is_over_it(self, at: datetime, drawdown_id: int) -> None:
        pk = reserve(drawdown_id, 1000, at)
        assert pk
        Programme.objects.filter(pk="HYF-D").update(cap_outstanding_cents=500)
        assert reserve(drawdown_id, 1, at) is None
        assert headroom.commit(reservation_id=pk, at=at)
        assert headroom.repay(reservation_id=pk, owed_cents=400, at=at)
        assert reserve(drawdown_id, 101, at) is None
        assert reserve(drawdown_id, 100, at)

    def test_moves_the_balance_of_the_guarantor_that_was_reserved_with(self, at: datetime, drawdown_id: int) -> None:
        pk = reserve(drawdown_id, 1000, at)
        assert pk
        Programme.objects.filter(pk="HYF-D").update(guarantor=None)
        assert headroom.release(reservation_id=pk, at=at)
        assert owed(HeadroomGuarantor) == (0, 0)

    def test_names_a_programme_that_there_is_not(self, at: datetime, drawdown_id: int) -> None:
        with pytest.raises(headroom.UnknownProgramme):
            headroom.reserve(programme_code="NONE", drawdown_id=drawdown_id, amount_cents=1, day=DAY, at=at)


@pytest.mark.django_db(transaction=True)
class TestConcurrency:
    def test_two_hundred_at_once_never_take_more_than_the_last_hundred_thousand(self, clock: Clock) -> None:
        """Of the day, of the outstanding, of one borrower with two grants, of the guarantor: one after the other."""
        at = clock.at
        configure(at, apps=("lending", "users", "funding"))
        with transaction.atomic():
            who = loans.taker(at)
            grants = [loans.granted(at, who, product_code=code) for code in ("LINE", "ONCE")]
            pair = [loans.requested(at, who, grant_id) for grant_id in grants]
        large, cap = 10**12, 40_000_000
        caps = ("cap_day_cents", "cap_outstanding_cents", "per_borrower_cents")

        def one(number: int) -> int | None:
            try:
                with transaction.atomic():
                    return reserve(pair[number % 2], 370_000, at)
            finally:
                connection.close()

        for tight in (*caps, "net_capital_cents"):
            HeadroomDay.objects.all().delete()
            Programme.objects.filter(pk="HYF-D").update(
                guarantor="AHG", **dict.fromkeys(caps, large) | ({tight: cap} if tight in caps else {})
            )
            Guarantor.objects.update(net_capital_cents=large if tight in caps else cap // 10)
            with transaction.atomic():
                first = reserve(pair[0], 30_000_000, at)
            with ThreadPoolExecutor(20) as pool:
                got = [found for found in pool.map(one, range(200)) if found]
            assert (tight, len(got), len(set(got))) == (tight, 27, 27)  # 27 x ¥3,700 = ¥99,900
            taken = (30_000_000 + 27 * 370_000, 0)
            assert [state(), owed(HeadroomTotal), owed(HeadroomBorrower), owed(HeadroomGuarantor)] == [taken] * 4
            assert HeadroomMonth.objects.get(programme="HYF-D").reserved_cents == taken[0]
            for pk in (first, *got):
                assert pk
                headroom.release(reservation_id=pk, at=at)
            assert state() == owed(HeadroomTotal) == owed(HeadroomBorrower) == owed(HeadroomGuarantor) == (0, 0)
