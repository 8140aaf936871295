from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lending.rules.allocation import (
    ORDER_OVER_90,
    ORDER_TO_90,
    PARTS,
    AmountNotPositive,
    Due,
    UnknownAllocationOrder,
    allocate,
    order_for,
    read_order,
)

DAY = date(2026, 1, 15)
FIRST = Due(1, DAY, penalty_cents=10, interest_cents=20, guarantee_fee_cents=5, principal_cents=100)
SECOND = Due(2, date(2026, 2, 15), penalty_cents=0, interest_cents=15, guarantee_fee_cents=5, principal_cents=100)

part = st.integers(0, 1000)
dues = st.lists(
    st.builds(
        lambda n, *parts: Due(n, DAY + timedelta(days=30 * n), *parts), st.integers(1, 36), part, part, part, part
    ),
    unique_by=lambda due: due.number,
    max_size=12,
)


class TestAllocate:
    def test_pays_the_oldest_instalment_in_full_before_the_next(self):
        allocation = allocate(amount_cents=150, dues=[SECOND, FIRST], order=ORDER_TO_90)
        assert allocation.paid == (FIRST, Due(2, SECOND.due_on, interest_cents=15))
        assert allocation.leftover_cents == 0

    def test_pays_penalty_first_up_to_90_days(self):
        (paid,) = allocate(amount_cents=32, dues=[FIRST], order=order_for(90)).paid
        assert paid == Due(1, DAY, penalty_cents=10, interest_cents=20, guarantee_fee_cents=2)

    def test_pays_principal_first_past_90_days(self):
        (paid,) = allocate(amount_cents=122, dues=[FIRST], order=order_for(91)).paid
        assert paid == Due(1, DAY, interest_cents=20, guarantee_fee_cents=2, principal_cents=100)

    def test_leaves_over_what_is_not_owed(self):
        allocation = allocate(amount_cents=1000, dues=[FIRST, SECOND], order=ORDER_TO_90)
        assert allocation.paid == (FIRST, SECOND)
        assert allocation.leftover_cents == 1000 - FIRST.total_cents - SECOND.total_cents

    def test_leaves_all_over_where_nothing_is_owed(self):
        allocation = allocate(amount_cents=1, dues=[Due(1, DAY)], order=ORDER_TO_90)
        assert (allocation.paid, allocation.leftover_cents) == ((), 1)

    @given(st.integers(1, 50_000), dues, st.sampled_from((ORDER_TO_90, ORDER_OVER_90)))
    def test_conserves_money_and_pays_no_part_beyond_what_is_open(self, amount, owed, order):
        allocation = allocate(amount_cents=amount, dues=owed, order=order)
        assert sum(paid.total_cents for paid in allocation.paid) + allocation.leftover_cents == amount
        assert sum(allocation.total(name) for name in PARTS) + allocation.leftover_cents == amount
        open_by_number = {due.number: due for due in owed}
        for paid in allocation.paid:
            for name in PARTS:
                assert 0 <= getattr(paid, f"{name}_cents") <= getattr(open_by_number[paid.number], f"{name}_cents")
        if allocation.leftover_cents:
            assert sum(due.total_cents for due in owed) == amount - allocation.leftover_cents

    @given(st.integers(1, 20_000), st.integers(1, 20_000), dues)
    def test_paid_in_two_parts_ends_where_paid_at_once(self, first, second, owed):
        def rest(amount, before):
            paid = {one.number: one for one in allocate(amount_cents=amount, dues=before, order=ORDER_TO_90).paid}
            return [
                replace(
                    due,
                    **{
                        f"{p}_cents": getattr(due, f"{p}_cents")
                        - getattr(paid.get(due.number, Due(0, DAY)), f"{p}_cents")
                        for p in PARTS
                    },
                )
                for due in before
            ]

        assert rest(second, rest(first, owed)) == rest(first + second, owed)

    @pytest.mark.parametrize("amount", [0, -1, 1.0, True])
    def test_refuses_what_is_no_repayment(self, amount):
        with pytest.raises(AmountNotPositive):
            allocate(amount_cents=amount, dues=[FIRST], order=ORDER_TO_90)


class TestReadOrder:
    def test_reads_the_configured_words(self):
        assert read_order("principal interest guarantee_fee penalty") == ORDER_OVER_90

    @pytest.mark.parametrize(
        "words", ["", "principal interest", "principal interest guarantee_fee fine", "penalty " * 4]
    )
    def test_refuses_an_order_that_is_not_of_each_part_once(self, words):
        with pytest.raises(UnknownAllocationOrder):
            read_order(words)
