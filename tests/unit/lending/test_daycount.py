from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lending.rules import daycount
from lending.rules.daycount import add_months, count_days, months_and_days, series_due_day, year_fraction

DAYS = st.dates(date(2000, 1, 1), date(2060, 12, 31))


class TestAddMonths:
    @pytest.mark.parametrize(
        ("start", "months", "due_day", "expected"),
        [
            (date(2026, 1, 31), 1, None, date(2026, 2, 28)),
            (date(2024, 1, 31), 1, None, date(2024, 2, 29)),
            (date(2026, 1, 31), 2, None, date(2026, 3, 31)),
            (date(2026, 2, 28), 1, 31, date(2026, 3, 31)),
            (date(2026, 11, 15), 2, None, date(2027, 1, 15)),
            (date(2026, 1, 15), 0, None, date(2026, 1, 15)),
        ],
    )
    def test_keeps_the_due_day_or_takes_the_months_last(self, start, months, due_day, expected):
        assert add_months(start, months, due_day) == expected

    def test_refuses_to_leave_the_calendar(self):
        with pytest.raises(ValueError, match="out of range"):
            add_months(date(9999, 12, 1), 1)


class TestMonthsAndDays:
    @pytest.mark.parametrize(
        ("start", "end", "due_day", "expected"),
        [
            (date(2026, 1, 10), date(2026, 2, 25), None, (1, 15)),
            (date(2026, 1, 31), date(2026, 2, 28), None, (1, 0)),
            (date(2026, 2, 28), date(2026, 3, 30), 31, (0, 30)),
            (date(2026, 2, 28), date(2026, 3, 31), 31, (1, 0)),
            (date(2026, 2, 28), date(2026, 3, 31), None, (1, 3)),
            (date(2026, 1, 20), date(2026, 2, 5), None, (0, 16)),
            (date(2025, 12, 31), date(2026, 12, 31), None, (12, 0)),
        ],
    )
    def test_counts_whole_months_first_and_calendar_days_after(self, start, end, due_day, expected):
        assert months_and_days(start, end, due_day) == expected

    @given(DAYS, st.integers(0, 4000))
    def test_leads_back_to_the_end(self, start, span):
        end = start + timedelta(days=span)
        months, days = months_and_days(start, end)
        assert add_months(start, months) + timedelta(days=days) == end
        assert months >= 0
        assert 0 <= days <= 30


class TestYearFraction:
    @pytest.mark.parametrize(
        ("day_count", "expected"),
        [
            (daycount.MONTHS_12, Fraction(3, 12)),
            (daycount.THIRTY_360, Fraction(90, 360)),
            (daycount.ACTUAL_365, Fraction(92, 365)),
            (daycount.ACTUAL_360, Fraction(92, 360)),
            # 1 Nov 2023 to 1 Feb 2024: 61 days in 2023, 31 in the leap year
            (daycount.ACTUAL_ACTUAL, Fraction(61, 365) + Fraction(31, 366)),
        ],
    )
    def test_counts_three_months_over_a_new_year_by_each_convention(self, day_count, expected):
        assert year_fraction(date(2023, 11, 1), date(2024, 2, 1), day_count) == expected

    @given(DAYS, st.integers(0, 1500))
    def test_actual_actual_is_the_sum_of_its_days(self, start, span):
        days = [start + timedelta(days=n) for n in range(span)]
        leap = sum((day.year % 4 == 0 and day.year % 100 != 0) or day.year % 400 == 0 for day in days)
        end = start + timedelta(days=span)
        assert year_fraction(start, end, daycount.ACTUAL_ACTUAL) == Fraction(leap, 366) + Fraction(span - leap, 365)

    @given(st.lists(DAYS, min_size=3, max_size=3))
    def test_adds_up_over_a_cut_under_every_convention_but_months(self, days):
        start, middle, end = sorted(days)
        for day_count in set(daycount.DAY_COUNTS) - {daycount.MONTHS_12}:
            whole = year_fraction(start, end, day_count)
            assert year_fraction(start, middle, day_count) + year_fraction(middle, end, day_count) == whole

    def test_refuses_an_unknown_convention(self):
        with pytest.raises(ValueError, match="unknown day count"):
            year_fraction(date(2026, 1, 1), date(2026, 2, 1), "30E/365")


class TestThirtyThreeSixty:
    @pytest.mark.parametrize(
        ("start", "end", "days"),
        [
            (date(2026, 1, 31), date(2026, 2, 28), 28),
            (date(2026, 2, 28), date(2026, 3, 31), 32),  # 33 under the US bond basis
            (date(2026, 3, 31), date(2026, 4, 30), 30),
            (date(2026, 4, 30), date(2026, 5, 31), 30),
            (date(2026, 1, 15), date(2027, 1, 15), 360),
            (date(2026, 1, 30), date(2026, 1, 31), 0),
        ],
    )
    def test_counts_a_31st_as_the_30th_at_both_ends(self, start, end, days):
        assert count_days(start, end, daycount.THIRTY_360) == days


class TestSeriesDueDay:
    def test_sees_a_months_last_day_as_a_stand_in(self):
        assert series_due_day((date(2026, 1, 31), date(2026, 2, 28), date(2026, 4, 30))) == 31
        assert series_due_day((date(2026, 1, 30), date(2026, 2, 28))) == 30

    def test_is_none_where_the_days_differ(self):
        assert series_due_day((date(2026, 1, 31), date(2026, 2, 27))) is None
