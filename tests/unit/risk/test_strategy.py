"""The shipped strategy: what it says about the sample, and that its files, tables and grades are one."""

import json
from typing import Any

import pytest

from lending import queries as lending
from lending.sandbox.applicants import CASES, rows
from risk.rules import engine, sample, training
from risk.rules.strategy import DATA, catalogue, compiled, decide, inputs_of, outcomes, scenarios, shipped_addresses

NEVER = ("personal_status_and_sex", "foreign_worker", "sex_status", "sex")


@pytest.fixture(scope="module")
def said() -> dict[int, Any]:
    return outcomes(rows())


def values(number: int = 3, **changed: Any) -> dict[str, Any]:
    return inputs_of(rows()[number - 1]) | changed


def credit(**changed: Any) -> dict[str, Any]:
    known = values(**changed)
    inputs = {name: known.get(name) for name in scenarios()["credit"]["inputs"]}
    return engine.evaluate(shipped_addresses()["credit"], inputs)


class TestFiles:
    def test_the_flows_are_compiled_from_the_authored_forms(self) -> None:
        for name, document in compiled().items():
            written = json.loads((DATA / "flows" / name).read_text(encoding="utf-8"))
            assert written == document, f"{name}: run manage.py strategy compile"

    def test_the_scorecard_is_the_one_the_command_builds(self) -> None:
        built = training.build(rows())
        assert json.loads((DATA / "scorecard.json").read_text(encoding="utf-8")) == built.card
        assert (round(built.ks, 4), round(built.auc, 4), built.rows_held_out) == (0.5199, 0.8121, 250)

    def test_sex_nationality_and_age_are_no_inputs(self) -> None:
        names = {name for scenario in scenarios().values() for name in scenario["inputs"]}
        assert not names & set(NEVER)
        assert [code for code, scenario in scenarios().items() if "age_years" in scenario["inputs"]] == ["admission"]
        answers = json.dumps([sample.vendor_answers(row) for row in rows()[:50]])
        assert "age" not in json.loads(answers)[0]["bureau"]
        assert not any(word in answers for word in NEVER)

    def test_changing_age_or_sex_changes_nothing(self) -> None:
        from dataclasses import replace

        row = rows()[10]
        other = replace(row, age=60, sex_status="female : divorced/separated/married", foreign_worker=False)
        assert decide(inputs_of(row)) == decide(inputs_of(other))

    def test_every_input_is_in_the_catalogue(self) -> None:
        assert {name for each in scenarios().values() for name in each["inputs"]} == set(catalogue())


class TestOutcomes:
    def test_each_story_of_the_demo_gets_the_verdict_it_needs(self, said: dict[int, Any]) -> None:
        assert {case: said[row].outcome for case, (row, _) in CASES.items()} == {
            case: outcome for case, (_, outcome) in CASES.items()
        }

    def test_the_phone_changes_the_verdict_of_nobody_whose_phone_is_clean(self, said: dict[int, Any]) -> None:
        of_phones = [name for name, each in catalogue().items() if each.source in ("phone3", "phone_list")]
        told = {row.number: inputs_of(row) for row in rows()}
        unclean = {
            number
            for number, known in told.items()
            if (known["phone_match"], known["phone_list_decision"]) != ("consistent", "accept")
        }
        changed = {number for number in told if decide(told[number] | dict.fromkeys(of_phones)) != said[number]}
        assert changed <= unclean
        assert {said[number].outcome for number in unclean} == {"refer", "decline"}
        assert {said[number].reasons[0] for number in changed} == {"F02"}

    def test_a_better_grade_is_a_safer_one(self, said: dict[int, Any]) -> None:
        bad = {row.number: row.bad for row in rows()}
        limits = {grade.code: grade for grade in lending_grades()}
        for grade in "ABCD":
            members = [number for number, outcome in said.items() if outcome.grade == grade]
            assert len(members) > 100
            assert sum(bad[number] for number in members) / len(members) * 100 <= limits[grade].sample_pd_max

    def test_says_why_with_at_most_four_reasons(self, said: dict[int, Any]) -> None:
        for outcome in said.values():
            assert len(outcome.reasons) <= 4
            assert len(set(outcome.reasons)) == len(outcome.reasons)
            assert bool(outcome.reasons) == (outcome.outcome != "approve")

    def test_never_offers_more_than_asked_and_always_a_multiple_of_the_step(self, said: dict[int, Any]) -> None:
        for row in rows():
            wish, outcome = sample.applicant(row), said[row.number]
            low, _, step = sample.AMOUNTS[wish.product]
            assert outcome.limit_cents <= wish.amount_cents
            assert outcome.limit_cents % (step * 100) == 0
            if outcome.outcome == "approve":
                assert outcome.limit_cents >= low * 100


class GradeRow:
    def __init__(self, line: dict[str, str]) -> None:
        self.code, self.sample_pd_max = line["grade"], float(line["sample_pd_max"])


def lending_grades() -> list[GradeRow]:
    """The design's table: share of bad rows a grade may hold."""
    return [
        GradeRow({"grade": code, "sample_pd_max": top})
        for code, top in zip("ABCD", ("10", "20", "30", "40"), strict=True)
    ]


class TestCredit:
    def test_the_grades_are_the_ones_of_the_register(self, configured: None) -> None:
        flow = json.loads((DATA / "flows" / "credit.json").read_text(encoding="utf-8"))
        nodes = {node["id"]: node["content"] for node in flow["graph"]["nodes"]}
        listed = {
            row["grade-out-grade"].strip('"'): row
            for row in nodes["grade"]["rules"]
            if row["grade-in-card.score"] != "null"
        }
        limits = {
            (row["grade_limit-in-grade"].strip('"'), row["grade_limit-in-product"].strip('"')): row
            for row in nodes["grade_limit"]["rules"]
        }
        for grade in lending.grades():
            row = listed[grade.code]
            assert row["grade-in-card.score"] == (f">= {grade.score_min}" if grade.score_min else "")
            assert row["grade-out-grade_action"] == f'"{grade.outcome}"'
            price = "null" if grade.annual_rate is None else str(int(grade.annual_rate * 10_000))
            assert row["grade-out-grade_price_bp"] == price
            for product, limit in (
                ("LINE", grade.limit_line_cents),
                ("ONCE", grade.limit_once_cents),
                ("BIZ", grade.limit_biz_cents),
            ):
                found = limits.get((grade.code, product))
                assert (int(found["grade_limit-out-grade_limit_cents"]) if found else 0) == limit

    def test_the_limit_is_the_least_of_grade_product_asked_and_affordable(self) -> None:
        rich = {"verified_income_cents": 50_000_00, "monthly_instalments_cents": 0, "declared_instalments_cents": 0}
        assert credit(**rich)["limit_cents"] == 1_050_000  # asked
        assert (
            credit(**rich, number=25, amount_cents=60_000_00, product_max_cents=40_000_00)["limit_cents"] == 40_000_00
        )
        assert (
            credit(**rich, number=25, amount_cents=60_000_00, product_max_cents=60_000_00)["limit_cents"] == 50_000_00
        )
        level = credit(**rich, number=25, amount_cents=90_000_00, product_max_cents=100_000_00, level_limit_percent=130)
        assert level["limit_cents"] == 65_000_00

    def test_half_of_income_and_1500_left_bound_the_instalment(self) -> None:
        """¥3,000 income, ¥500 elsewhere: ¥1,000 a month; at 10.8 % over 12 months that pays back ¥11,326."""
        told = credit(
            number=25,
            verified_income_cents=300_000,
            monthly_instalments_cents=50_000,
            declared_instalments_cents=0,
            amount_cents=5_000_000,
        )
        assert told["limit_cents"] == 1_130_000
        assert told["affordable_cents"] == 1_132_651
        tight = credit(verified_income_cents=200_000, monthly_instalments_cents=0, declared_instalments_cents=0)
        assert tight["limit_cents"] == 560_000  # 1,500 to live on leaves ¥500, less than half of ¥2,000

    def test_what_nobody_can_afford_is_declined_for_it(self) -> None:
        told = credit(verified_income_cents=155_000, monthly_instalments_cents=0, declared_instalments_cents=0)
        assert (told["outcome"], told["reasons"], told["limit_cents"]) == ("decline", ["P02"], 0)

    def test_price_is_the_grades_plus_the_levels(self) -> None:
        assert credit()["annual_rate"] == "0.108"
        assert credit(level_price_delta_bp=-60)["annual_rate"] == "0.102"

    def test_offers_only_terms_whose_instalment_is_affordable(self) -> None:
        told = credit(
            number=25,
            verified_income_cents=300_000,
            monthly_instalments_cents=50_000,
            declared_instalments_cents=0,
            amount_cents=5_000_000,
        )
        assert told["terms"] == [12, 18, 24]

    @pytest.mark.parametrize("name", ["checking", "savings", "credit_history", "instalment_plans", "work_months"])
    def test_one_unknown_block_leaves_no_score(self, name: str) -> None:
        told = credit(**{name: None})
        assert (told["outcome"], told.get("score"), told["reasons"], told["grade"]) == ("refer", None, ["N01"], "D")

    def test_a_value_no_bin_knows_is_unknown_too(self) -> None:
        assert credit(checking="platinum").get("score") is None

    def test_what_an_earlier_scenario_refers_stays_referred(self) -> None:
        told = credit(earlier_reasons=["F02"], earlier_tags=["grey_list"])
        assert (told["outcome"], told["reasons"], told["tags"], told["grade"]) == ("refer", ["F02"], ["grey_list"], "A")

    def test_knock_outs_come_before_points(self) -> None:
        told = credit(number=4, overdue_now_cents=100, worst_days_late_24m=120)
        assert told["reasons"][:2] == ["P03", "P04"]
        assert len(told["reasons"]) == 4


class TestThreeValues:
    """hit, miss, unknown: each rule says what unknown does, and nothing is skipped in silence."""

    def admission(self, **changed: Any) -> dict[str, Any]:
        known = values(**changed)
        return engine.evaluate(
            shipped_addresses()["admission"], {name: known.get(name) for name in scenarios()["admission"]["inputs"]}
        )

    @pytest.mark.parametrize(
        ("changed", "outcome", "reasons"),
        [
            ({}, "approve", []),
            ({"age_years": 17}, "decline", ["H01"]),
            ({"age_years": None}, "decline", ["H01"]),
            ({"id_expired": True}, "decline", ["H02"]),
            ({"id_expired": None}, "approve", []),
            ({"identity_state": "failed"}, "decline", ["H03"]),
            ({"identity_state": "dead"}, "decline", ["N01"]),
            ({"identity_state": None}, "decline", ["N01"]),
            ({"province": "HK"}, "decline", ["H04"]),
            ({"province": None}, "refer", ["N01"]),
            ({"purpose": "prohibited"}, "decline", ["H05"]),
            ({"purpose": "business"}, "decline", ["H05"]),
            ({"product": "BIZ"}, "decline", ["H05"]),
            ({"open_applications": 1}, "decline", ["H06"]),
            ({"open_loans": 3}, "decline", ["H06"]),
            ({"worst_days_late_here": 4}, "decline", ["P05"]),
            ({"worst_days_late_here": 3}, "approve", []),
            ({"grey_listed": True}, "refer", ["F02"]),
            ({"black_listed": True, "grey_listed": True}, "decline", ["H07"]),
            ({"black_listed": None}, "refer", ["N01"]),
        ],
    )
    def test_admission(self, changed: dict[str, Any], outcome: str, reasons: list[str]) -> None:
        told = self.admission(**changed)
        assert (told["outcome"], told["reasons"]) == (outcome, reasons)
        assert bool(told["hits"]) == (outcome != "approve")

    def test_an_unknown_hit_says_that_it_is_one(self) -> None:
        (hit,) = self.admission(province=None)["hits"]
        assert (hit["rule"], hit["unknown"], hit["action"]) == ("region_open", True, "refer")

    @pytest.mark.parametrize(
        ("changed", "outcome", "reasons"),
        [
            ({}, "approve", []),
            ({"phone_match": None, "phone_list_decision": None, "device_accounts_7d": None}, "approve", []),
            ({"aml_status": "confirmed"}, "decline", ["H07"]),
            ({"aml_status": "possible"}, "refer", ["H07"]),
            ({"aml_status": None}, "refer", ["N01"]),
            ({"externally_listed": True}, "decline", ["H07"]),
            ({"phone_match": "inconsistent"}, "refer", ["F01"]),
            ({"device_accounts_7d": 3}, "refer", ["F02"]),
            ({"device_accounts_7d": 5}, "decline", ["F02"]),
            ({"phone_online_months": 1}, "approve", []),
            ({"sources_dead_stop": 1, "aml_status": None}, "decline", ["N01"]),
            ({"sources_dead_refer": 1}, "refer", ["N01"]),
        ],
    )
    def test_antifraud(self, changed: dict[str, Any], outcome: str, reasons: list[str]) -> None:
        known = values(**changed)
        inputs = {name: known.get(name) for name in scenarios()["antifraud"]["inputs"]}
        told = engine.evaluate(shipped_addresses()["antifraud"], inputs)
        assert (told["outcome"], told["reasons"]) == (outcome, reasons)

    @pytest.mark.parametrize(
        ("changed", "outcome", "reasons"),
        [
            ({}, "approve", []),
            ({"applications_30d": None}, "approve", []),
            ({"applications_30d": 8}, "decline", ["P01"]),
            ({"worst_days_late_here": 4}, "decline", ["P05"]),
            ({"grey_listed": True}, "decline", ["F02"]),
            ({"card_state": "dead"}, "decline", ["N01"]),
            ({"card_state": None}, "decline", ["N01"]),
        ],
    )
    def test_drawdown(self, changed: dict[str, Any], outcome: str, reasons: list[str]) -> None:
        known = values(**changed)
        inputs = {name: known.get(name) for name in scenarios()["drawdown"]["inputs"]}
        told = engine.evaluate(shipped_addresses()["drawdown"], inputs)
        assert (told["outcome"], told["reasons"]) == (outcome, reasons)

    def test_a_wrongly_typed_field_is_refused_not_passed_over(self) -> None:
        with pytest.raises(engine.EvaluationFailed, match="age_years"):
            self.admission(age_years="seventeen")
