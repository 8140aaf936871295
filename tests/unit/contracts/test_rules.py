"""Choosing a template, typed variables, amounts in words, the hash of a set. No database."""

import hashlib
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.rules import kinds, names, resolver, variables
from contracts.rules.words import capital_amount

LOAN = {"kind": "loan_agreement", "channel": "OWN", "funder": "HYF", "product": "LINE", "mode": "direct"}


def selector(number: int, **changes: Any) -> resolver.Selector:
    fields: dict[str, Any] = {
        "kind": "loan_agreement",
        "channel": None,
        "funder": None,
        "product": None,
        "mode": None,
        "valid_from": date(2026, 1, 1),
        "valid_to": None,
    }
    return resolver.Selector(id=number, name=f"t{number}", **fields | changes)


class TestChoose:
    def test_takes_the_only_one_that_fits(self) -> None:
        others = [
            selector(1, mode="own"),
            selector(2, funder="QTX"),
            selector(3, channel="LOANHUB"),
            selector(4, product="BIZ"),
            selector(5, kind="note"),
        ]
        assert resolver.choose([*others, selector(6, mode="direct")], **LOAN, on=date(2026, 3, 2)).id == 6

    def test_refuses_where_none_fits(self) -> None:
        with pytest.raises(resolver.NoTemplate) as caught:
            resolver.choose([selector(1, funder="QTX")], **LOAN, on=date(2026, 3, 2))
        assert caught.value.data["funder"] == "HYF"

    def test_refuses_two_even_where_one_is_more_specific(self) -> None:
        with pytest.raises(resolver.AmbiguousTemplate) as caught:
            resolver.choose([selector(1), selector(2, funder="HYF")], **LOAN, on=date(2026, 3, 2))
        assert caught.value.data["templates"] == ["t1", "t2"]

    @pytest.mark.parametrize(
        ("on", "expected"),
        [(date(2026, 3, 1), 1), (date(2026, 3, 2), 2), (date(2026, 4, 1), 2), (date(2025, 12, 31), 0)],
    )
    def test_goes_by_the_day_both_ends_included(self, on: date, expected: int) -> None:
        both = [selector(1, valid_to=date(2026, 3, 1)), selector(2, valid_from=date(2026, 3, 2))]
        if expected:
            assert resolver.choose(both, **LOAN, on=on).id == expected
        else:
            with pytest.raises(resolver.NoTemplate):
                resolver.choose(both, **LOAN, on=on)


maybe = st.sampled_from([None, "A", "B"])
days = st.dates(date(2026, 1, 1), date(2026, 1, 9))


@st.composite
def selectors(draw: Any, number: int) -> resolver.Selector:
    first = draw(days)
    last = draw(st.one_of(st.none(), st.dates(first, date(2026, 1, 9))))
    return selector(
        number,
        channel=draw(maybe),
        funder=draw(maybe),
        product=draw(maybe),
        mode=draw(maybe),
        valid_from=first,
        valid_to=last,
    )


class TestOverlapping:
    @given(selectors(1), selectors(2))
    def test_is_exactly_when_some_loan_on_some_day_fits_both(
        self, one: resolver.Selector, other: resolver.Selector
    ) -> None:
        values = ("A", "B")
        both = any(
            one.fits(kind="loan_agreement", channel=c, funder=f, product=p, mode=m, on=date(2026, 1, day))
            and other.fits(kind="loan_agreement", channel=c, funder=f, product=p, mode=m, on=date(2026, 1, day))
            for c in values
            for f in values
            for p in values
            for m in values
            for day in range(1, 10)
        )
        assert bool(resolver.overlapping(one, [other])) == both


class TestVariables:
    DECLARED = {"amount": "money", "annual_rate": "rate", "months": "count", "on": "date", "name": "text"}
    FACTS = {"amount": 1_000_000, "annual_rate": "0.144", "months": 12, "on": "2026-03-02", "name": "王", "more": 1}

    def test_takes_only_what_is_declared_and_prints_it(self) -> None:
        values = variables.taken(self.DECLARED, self.FACTS)
        shown = variables.shown(self.DECLARED, values)
        assert "more" not in values
        assert {name: str(value) for name, value in shown.items()} == {
            "amount": "¥10,000.00",
            "annual_rate": "14.40%",
            "months": "12",
            "on": "2026-03-02",
            "name": "王",
        }

    def test_names_everything_that_is_missing(self) -> None:
        with pytest.raises(variables.MissingVariable) as caught:
            variables.taken(self.DECLARED, {"amount": 1, "name": "", "on": None})
        assert caught.value.data["variables"] == ["annual_rate", "months", "name", "on"]

    @pytest.mark.parametrize(
        ("name", "value"),
        [("amount", 10.5), ("amount", "100"), ("months", True), ("on", "soon"), ("annual_rate", "NaN"), ("name", 7)],
    )
    def test_refuses_a_value_of_another_type(self, name: str, value: object) -> None:
        with pytest.raises(variables.WrongVariable) as caught:
            variables.taken(self.DECLARED, self.FACTS | {name: value})
        assert caught.value.data["variable"] == name

    def test_refuses_a_type_that_does_not_exist(self) -> None:
        with pytest.raises(variables.UnknownType):
            variables.check_declared({"amount": "float"})

    def test_an_optional_value_may_be_missing_and_keeps_its_type(self) -> None:
        declared = {"fee": "money?", "guaranteed": "flag"}
        absent = variables.taken(declared, {"guaranteed": False, "fee": ""})
        assert absent == {"fee": None, "guaranteed": False}
        assert variables.shown(declared, absent) == absent
        with pytest.raises(variables.WrongVariable):
            variables.taken(declared, {"guaranteed": False, "fee": "soon"})
        with pytest.raises(variables.WrongVariable):
            variables.taken(declared, {"guaranteed": "no"})
        with pytest.raises(variables.MissingVariable):
            variables.taken(declared, {"fee": 1})

    @pytest.mark.parametrize("kind", ["flag?", "plan?", "text??", "?"])
    def test_not_everything_can_be_optional(self, kind: str) -> None:
        with pytest.raises(variables.UnknownType):
            variables.check_declared({"name": kind})


class TestNames:
    TYPES = {"who": "text", "due": "money", "rich": "flag", "more": "text?", "rest": "money?", "plan": "plan"}

    @pytest.mark.parametrize(
        ("source", "uses"),
        [
            ("{{ who }} {{ number }} {{ title_zh }} { { 50%}", "who"),
            ("{{ due }}{{ due.words }}{# a note on {{ nothing }} #}", "due"),
            ("{% if rich %}a{% elif not rich %}b{% else %}c{% endif %}", "rich"),
            ("{% if more %}{{ more }}{% endif %}", "more"),
            ("{% if rich and rest %}{{ rest.words }}{% endif %}", "rich rest"),
            (
                "{% for row in plan.rows %}{{ row.number }}{{ row.fee.words }}{% empty %}none{% endfor %}"
                "{% if plan.has_fee %}{{ plan.sums.fee }}{% endif %}",
                "plan",
            ),
        ],
    )
    def test_takes_what_is_declared_and_used(self, source: str, uses: str) -> None:
        names.check(source, {name: self.TYPES[name] for name in uses.split()})

    @pytest.mark.parametrize(
        ("source", "said"),
        [
            (
                "{{ other }}{% if some %}x{% endif %}{% for one in many %}{{ one }}{% endfor %}",
                ["many", "other", "some"],
            ),
            ("{% for row in plan.rows %}{{ row.due }}{% endfor %}{{ row.due }}", ["row"]),
            ("{% if plan.has_fee %}{% elif guaranteed %}x{% endif %}", ["guaranteed"]),
        ],
    )
    def test_refuses_a_name_that_is_not_declared(self, source: str, said: list[str]) -> None:
        with pytest.raises(names.UndeclaredName) as caught:
            names.check(source, {"plan": "plan"})
        assert caught.value.data["names"] == said

    def test_refuses_a_declared_one_that_is_not_used(self) -> None:
        with pytest.raises(names.UnusedVariable) as caught:
            names.check("{{ who }}", self.TYPES)
        assert caught.value.data["names"] == ["due", "more", "plan", "rest", "rich"]

    @pytest.mark.parametrize(
        "source",
        [
            "{{ more }}",  # optional, and nobody asked
            "{% if more %}{% endif %}{{ more }}",
            "{% if more %}a{% else %}{{ more }}{% endif %}",
            "{% if more or rich %}{{ more }}{% endif %}",
            "{% if not more %}{{ more }}{% endif %}",
            "{% if rest %}{{ more }}{% endif %}",
            "{% if who %}a{% endif %}",  # always there
            "{% if rich == more %}a{% endif %}",
            "{% if %}a{% endif %}",
            "{{ rich }}",
            "{{ plan }}",
            "{{ plan.rows }}",
            "{{ plan.total }}",
            "{{ plan.sums.balance }}",
            "{{ due.cents }}",
            "{{ who|safe }}",
            "{{ 'text' }}",
            "{{ }}",
            "{% for who in plan.rows %}a{% endfor %}",
            "{% for row in who %}a{% endfor %}",
            "{% for a, b in plan.rows %}a{% endfor %}",
            "{% for row in plan.rows reversed %}a{% endfor %}",
            "{% if rich %}a",
            "{% if rich %}a{% endfor %}",
            "{% if rich %}a{% else %}b{% else %}c{% endif %}",
            "{% if rich %}a{% else %}b{% elif rich %}c{% endif %}",
            "{% endif %}",
            "{{ who",
            "{% if\nrich %}a{% endif %}",
            "{% load static %}",
            "{% now 'Y' %}",
            "{% autoescape off %}{{ who }}{% endautoescape %}",
            "{% include 'x' %}",
        ],
    )
    def test_refuses_what_the_language_does_not_have(self, source: str) -> None:
        with pytest.raises(names.FaultyText):
            names.check(source, self.TYPES)

    def test_a_document_s_own_names_are_not_declared(self) -> None:
        with pytest.raises(names.FaultyText):
            names.check("{{ number }}", {"number": "text"})


class TestCapitalAmount:
    @pytest.mark.parametrize(
        ("cents", "words"),
        [
            (0, "零元整"),
            (5, "伍分"),
            (50, "伍角整"),
            (100, "壹元整"),
            (1_000_000, "壹万元整"),
            (100_305, "壹仟零叁元零伍分"),
            (1_050_010, "壹万零伍佰元壹角整"),
            (100_000_001_00, "壹亿零壹元整"),
            (123_456_789, "壹佰贰拾叁万肆仟伍佰陆拾柒元捌角玖分"),
            (2_000_500_00, "贰佰万零伍佰元整"),
            (10_000_000_000_000, "壹仟亿元整"),
        ],
    )
    def test_writes_as_a_bank_would(self, cents: int, words: str) -> None:
        assert capital_amount(cents) == words

    @given(st.integers(0, 10**12), st.integers(0, 10**12))
    def test_never_writes_two_amounts_alike(self, one: int, other: int) -> None:
        assert (capital_amount(one) == capital_amount(other)) == (one == other)


class TestSets:
    def test_hash_is_over_sorted_lines(self) -> None:
        expected = hashlib.sha256(b"cost_sheet:aa\ndebit_mandate:cc\nloan_agreement:bb\n").hexdigest()
        assert kinds.set_sha256({"loan_agreement": "bb", "debit_mandate": "cc", "cost_sheet": "aa"}) == expected

    def test_cost_sheet_comes_first_and_a_guarantee_only_where_there_is_a_guarantor(self) -> None:
        assert kinds.signing_set(guaranteed=False) == ("cost_sheet", "loan_agreement", "debit_mandate")
        assert kinds.signing_set(guaranteed=True)[0] == "cost_sheet"
        assert "guarantee" in kinds.signing_set(guaranteed=True)
