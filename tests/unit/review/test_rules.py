"""The arithmetic of the desk: authority, priority, the clock of a queue."""

import itertools
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.rules import authority, hours, priority

ZONE = ZoneInfo("Asia/Shanghai")
DAILY = hours.Hours(time(9), time(21))
OFFICE = hours.Hours(time(9), time(18), workdays_only=True)
FIRST, LAST = datetime(2026, 1, 1), datetime(2026, 12, 31)  # noqa: DTZ001 (hypothesis adds the zone)
NOT_ALLOWED = (None, None)

# The matrix as the credit policy writes it: amount in yuan × column -> (initial, final).
MATRIX = {
    5_000: {"A_B": (1, None), "C": (1, 2), "D": (1, 2), "exception": (2, 3)},
    20_000: {"A_B": (1, 2), "C": (1, 2), "D": (2, 3), "exception": (2, 3)},
    50_000: {"A_B": (1, 3), "C": (1, 3), "D": NOT_ALLOWED, "exception": (3, 4)},
    100_000: {"A_B": (2, 4), "C": (2, 4), "D": NOT_ALLOWED, "exception": NOT_ALLOWED},
}
RULES = tuple(
    authority.Rule(amount * 100, column, *levels) for amount, row in MATRIX.items() for column, levels in row.items()
)


def weekday(day: date) -> bool:
    return day.weekday() < 5


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


class TestAuthority:
    @pytest.mark.parametrize("amount", list(MATRIX))
    @pytest.mark.parametrize(
        ("grade", "exception", "column"),
        [
            ("A", False, "A_B"),
            ("B", False, "A_B"),
            ("C", False, "C"),
            ("D", False, "D"),
            ("A", True, "exception"),
            ("D", True, "exception"),
        ],
    )
    def test_every_cell_holds_up_to_its_amount_and_the_next_cent_needs_the_next_row(
        self, amount: int, grade: str, exception: bool, column: str
    ) -> None:
        below = [lower for lower in MATRIX if lower < amount]
        for cents in (amount * 100, max(below, default=0) * 100 + 1):
            initial, final = MATRIX[amount][column]
            if initial is None:
                with pytest.raises(authority.NobodyMayApprove):
                    authority.needed(RULES, amount_cents=cents, grade=grade, exception=exception)
            else:
                required = authority.needed(RULES, amount_cents=cents, grade=grade, exception=exception)
                assert required == authority.Needed(initial, final)

    def test_refuses_more_than_the_highest_row(self) -> None:
        with pytest.raises(authority.NobodyMayApprove):
            authority.needed(RULES, amount_cents=100_000_01, grade="A", exception=False)

    @pytest.mark.parametrize("grade", ["E", ""])
    def test_refuses_a_grade_that_is_never_lent_to(self, grade: str) -> None:
        with pytest.raises(authority.NobodyMayApprove):
            authority.needed(RULES, amount_cents=1, grade=grade, exception=False)

    def test_hands_an_amount_nobody_may_approve_to_those_who_may_lower_it(self) -> None:
        required = authority.routing(RULES, amount_cents=3_000_000, grade="D", exception=False)
        assert required == authority.Needed(2, 3)

    def test_hands_a_case_without_a_grade_to_the_lowest_pair(self) -> None:
        assert authority.routing(RULES, amount_cents=1, grade="", exception=False) == authority.Needed(1, 2)

    @pytest.mark.parametrize("final", [None, 1, 2, 3, 4])
    @pytest.mark.parametrize("initial", [None, 1, 2, 3, 4])
    def test_both_levels_must_reach_what_is_needed(self, initial: int | None, final: int | None) -> None:
        enough = (initial or 0) >= 2 and (final or 0) >= 3
        if enough:
            authority.check(authority.Needed(2, 3), initial_level=initial, final_level=final)
        else:
            with pytest.raises(authority.OverAuthority):
                authority.check(authority.Needed(2, 3), initial_level=initial, final_level=final)


class TestHours:
    @pytest.mark.parametrize(
        ("start", "minutes", "open_hours", "due"),
        [
            ("2026-03-02 10:00", 60, DAILY, "2026-03-02 11:00"),
            ("2026-03-02 20:30", 60, DAILY, "2026-03-03 09:30"),
            ("2026-03-02 20:00", 60, DAILY, "2026-03-02 21:00"),
            ("2026-03-02 06:00", 60, DAILY, "2026-03-02 10:00"),
            ("2026-03-06 17:00", 240, OFFICE, "2026-03-09 12:00"),
            ("2026-03-07 12:00", 480, OFFICE, "2026-03-09 17:00"),
            ("2026-03-02 09:00", 1080, OFFICE, "2026-03-03 18:00"),
        ],
    )
    def test_time_runs_only_while_the_queue_is_open(
        self, start: str, minutes: int, open_hours: hours.Hours, due: str
    ) -> None:
        assert hours.add(at(start), timedelta(minutes=minutes), open_hours, weekday) == at(due)

    def test_a_queue_that_never_opens_is_an_error(self) -> None:
        with pytest.raises(hours.NeverOpen):
            hours.add(at("2026-03-02 10:00"), timedelta(hours=1), OFFICE, lambda day: False)

    @given(
        minutes=st.integers(0, 20_000),
        start=st.datetimes(timezones=st.just(ZONE), min_value=FIRST, max_value=LAST),
        open_hours=st.sampled_from([DAILY, OFFICE]),
    )
    def test_what_was_added_lies_between(self, minutes: int, start: datetime, open_hours: hours.Hours) -> None:
        duration = timedelta(minutes=minutes)
        assert hours.between(start, hours.add(start, duration, open_hours, weekday), open_hours, weekday) == duration

    def test_nothing_passes_backwards(self) -> None:
        assert hours.between(at("2026-03-02 12:00"), at("2026-03-02 10:00"), DAILY, weekday) == timedelta()


class TestPriority:
    def test_is_the_formula_of_the_desk(self) -> None:
        shown = priority.priority(
            at=at("2026-03-02 10:30"), due_at=at("2026-03-02 11:00"), opened_at=at("2026-03-02 10:00"), bonus=20
        )
        assert shown == 100 - 30 + 20 + 3

    @pytest.mark.parametrize(("level", "good"), [("", False), ("V1", False), ("V2", False), ("V3", True), ("V4", True)])
    def test_favours_good_customers(self, level: str, good: bool) -> None:
        assert priority.is_favoured(level) == good

    @given(
        cases=st.lists(
            st.tuples(st.integers(0, 50_000), st.integers(1, 5_000), st.sampled_from([0, 20])), min_size=2, max_size=8
        ),
        later=st.integers(0, 100_000),
        ageing=st.sampled_from([1, 3, 10, 60]),
    )
    def test_the_stored_rank_sorts_as_the_formula_does_at_any_instant(
        self, cases: list[tuple[int, int, int]], later: int, ageing: int
    ) -> None:
        start = at("2026-03-02 09:00")
        now = start + timedelta(minutes=later)
        known = []
        for opened, due, bonus in cases:
            opened_at = start + timedelta(minutes=opened)
            due_at = opened_at + timedelta(minutes=due)
            facts = {"opened_at": opened_at, "due_at": due_at, "bonus": bonus, "ageing_minutes": ageing}
            known.append((priority.rank(**facts), priority.priority(at=now, **facts)))  # type: ignore[arg-type]
        shown = [value for _, value in sorted(known, key=lambda pair: pair[0])]
        # `priority` is cut to a whole number and `rank` to a second: neighbours may differ by one, never by more.
        assert all(first >= second - 1 for first, second in itertools.pairwise(shown))
