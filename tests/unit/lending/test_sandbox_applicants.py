from datetime import date

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.cn import ric

from lending.sandbox import applicants, people, verdicts
from risk.rules import sample, strategy

TODAY = date(2026, 11, 23)
row_numbers = st.integers(1, 1000)
batches = st.integers(0, applicants.BATCHES - 1)
days = st.dates(date(2024, 1, 1), date(2040, 12, 31))


class TestApplicant:
    @given(row_numbers, batches, days)
    def test_has_a_valid_identity_that_carries_row_and_batch(self, row: int, batch: int, today: date) -> None:
        person = applicants.applicant(row, batch, today)
        assert ric.validate(person.id_number) == person.id_number
        assert applicants.row_of(person.id_number) == (row, batch)
        assert applicants.row_of_phone(person.phone) == (row, batch)
        assert [applicants.row_of_card(card.number) for card in person.cards] == [(row, batch, 0), (row, batch, 1)]
        assert all(luhn.is_valid(card.number) for card in person.cards)
        phones = [person.phone, *(contact.phone for contact in person.contacts)]
        assert all(phonenumbers.is_valid_number(phonenumbers.parse(phone, "CN")) for phone in phones)

    @given(row_numbers, batches, days)
    def test_is_as_old_and_lives_and_is_of_the_sex_the_row_says(self, row: int, batch: int, today: date) -> None:
        person, source = applicants.applicant(row, batch, today), applicants.rows()[row - 1]
        born = person.birth_date
        assert today.year - born.year - ((today.month, today.day) < (born.month, born.day)) == source.age
        assert person.id_number[6:14] == f"{born:%Y%m%d}"
        assert person.province == sample.PROVINCES[row % 5]
        assert person.id_number[:2] == {"ZJ": "33", "JS": "32", "GD": "44", "SC": "51"}[person.province]
        assert (int(person.id_number[16]) % 2 == 1) == source.sex_status.startswith("male")
        assert person.id_expires_on > today

    def test_shares_nothing_with_any_other_of_its_batch_or_the_next(self) -> None:
        crowd = [applicants.applicant(row, batch, TODAY) for batch in (0, 1) for row in range(1, 1001)]
        for handles in (
            [person.id_number for person in crowd],
            [person.phone for person in crowd],
            [card.number for person in crowd for card in person.cards],
            [person.device_id for person in crowd],
        ):
            assert len(set(handles)) == len(handles)

    def test_some_names_have_characters_outside_the_basic_plane(self) -> None:
        names = "".join(applicants.name_of(row, 0) for row in range(1, 201))
        assert any(ord(character) > 0xFFFF for character in names)
        assert "䶮" in names

    @pytest.mark.parametrize(("row", "batch"), [(0, 0), (1001, 0), (1, -1), (1, applicants.BATCHES)])
    def test_refuses_rows_and_batches_that_do_not_exist(self, row: int, batch: int) -> None:
        with pytest.raises(ValueError, match=str(row if batch == 0 else batch)):
            applicants.applicant(row, batch, TODAY)

    def test_refuses_a_year_that_could_not_be_read_back(self) -> None:
        with pytest.raises(ValueError, match="2041"):
            applicants.applicant(1, 0, date(2041, 1, 1))


class TestRowOf:
    @pytest.mark.parametrize(
        "id_number", ["", "x", "33010019900101001", "330100199013010016", "１" * 18, "33010019900101001A"]
    )
    def test_answers_none_for_what_is_no_id_number(self, id_number: str) -> None:
        assert applicants.row_of(id_number) is None

    @given(
        st.sampled_from(["11010119", "33010619", "44030519"]),
        st.dates(date(1960, 1, 1), date(2006, 1, 1)),
        st.integers(0, 999),
    )
    def test_takes_nobody_from_other_counties_for_its_own(self, start: str, born: date, sequence: int) -> None:
        payload = f"{start[:6]}{born:%Y%m%d}{sequence:03d}"
        assert applicants.row_of(payload + applicants.check_character(payload)) is None

    def test_a_changed_digit_is_no_longer_the_same_person(self) -> None:
        person = applicants.applicant(21, 4, TODAY)
        other = person.phone[:-1] + str((int(person.phone[-1]) + 1) % 10)
        assert applicants.row_of_phone(other) != (21, 4)
        assert applicants.row_of_card(person.cards[0].number[:-1] + "x") is None


class TestPersonOfId:
    @settings(max_examples=200)
    @given(
        st.dates(date(1960, 1, 1), date(2006, 1, 1)), st.integers(0, 9), st.sampled_from(["90", "91", "00", "55", "99"])
    )
    def test_gets_the_verdict_its_sequence_digits_ask_for(self, born: date, digit: int, two: str) -> None:
        payload = f"330106{born:%Y%m%d}{two}{digit}"
        person = people.person_of_id(payload + applicants.check_character(payload))
        assert not person.demo
        assert person.row in people.personas()[{"90": "referred", "91": "declined"}.get(two, "approved")]

    def test_a_demo_identity_is_answered_by_its_own_row(self) -> None:
        person = people.person_of_id(applicants.applicant(4, 2, TODAY).id_number)
        assert (person.row, person.batch, person.demo) == (4, 2, True)


class TestCases:
    @pytest.mark.parametrize("case", applicants.CASES)
    def test_the_shipped_strategy_gives_each_story_the_verdict_it_needs(self, case: str) -> None:
        row, verdict = applicants.CASES[case]
        assert strategy.decide(strategy.inputs_of(applicants.rows()[row - 1])).outcome == verdict


class TestPersonas:
    def test_the_file_is_what_the_shipped_strategy_says(self) -> None:
        assert people.PERSONAS.read_text(encoding="utf-8") == verdicts.as_text(), "manage.py sandbox --rebuild-personas"
