"""`manage.py schedule` and `annual_cost` as an auditor runs them: a process, lines in, lines out, no database."""

import json
import os
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from lending.management.commands import annual_cost, schedule
from lending.management.jsonl import answers
from lending.rules.annual_cost import cashflows_of, irr12, xirr
from lending.rules.schedule import Terms, build_schedule

ROOT = Path(__file__).resolve().parents[3]
TERMS = {
    "principal_cents": 1_000_000,
    "annual_rate": "0.144",
    "instalments": 12,
    "period": {"unit": "month", "every": 1},
    "disbursed_on": "2026-01-31",
    "method": "equal_instalment",
    "day_count": "months/12",
    "rounding": "half_up",
}
FLOWS = {"cashflows": [{"on": "2026-01-01", "amount_cents": 100_000}, {"on": "2027-01-01", "amount_cents": -110_000}]}


def run(command: str, lines: list[bytes]) -> subprocess.CompletedProcess[bytes]:
    unreachable = {"DATABASE_URL": "postgres://nobody:nothing@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}
    return subprocess.run(
        [sys.executable, "manage.py", command],
        input=b"\n".join(lines),
        capture_output=True,
        cwd=ROOT,
        env=os.environ | unreachable | {"DJANGO_SETTINGS_MODULE": "lending.settings.dev"},
        timeout=60,
    )


def answer(recompute, line: object) -> dict:
    raw = line if isinstance(line, bytes) else json.dumps(line).encode()
    (found,) = answers([raw], recompute)
    return json.loads(found)


class TestSchedule:
    def test_answers_line_by_line_without_a_database_and_goes_on_after_a_bad_one(self):
        done = run("schedule", [json.dumps(TERMS).encode(), b"{bad", b"", json.dumps(TERMS).encode()])
        assert done.returncode == 0, done.stderr
        first, bad, last = (json.loads(line) for line in done.stdout.splitlines())
        assert bad["error"]["code"] == "malformed_json"
        assert first == last
        lines = build_schedule(Terms(1_000_000, Decimal("0.144"), 12, date(2026, 1, 31)))
        flows = cashflows_of(lines, date(2026, 1, 31))
        assert first == {
            "instalments": [
                {
                    "number": line.number,
                    "due_on": line.due_on.isoformat(),
                    "days": line.days,
                    "principal_cents": line.principal_cents,
                    "interest_cents": line.interest_cents,
                    "balance_cents": line.balance_cents,
                }
                for line in lines
            ],
            "irr12": str(irr12(flows)),
            "xirr": str(xirr(flows)),
        }

    def test_takes_every_field(self):
        found = answer(
            schedule.recompute,
            TERMS
            | {
                "period": {"unit": "week", "every": 2},
                "first_due_on": "2026-02-20",
                "due_on": None,
                "instalment_multiple_cents": 100,
                "principal_grace": 1,
                "day_count": "actual/actual",
                "rounding": "half_even",
            },
        )
        rows = found["instalments"]
        assert [row["due_on"] for row in rows[:2]] == ["2026-02-20", "2026-03-06"]
        assert rows[0]["principal_cents"] == 0
        assert {(row["principal_cents"] + row["interest_cents"]) % 100 for row in rows[1:-1]} == {0}
        assert sum(row["principal_cents"] for row in rows) == 1_000_000

    def test_needs_no_period_where_every_date_is_given(self):
        given = {name: value for name, value in TERMS.items() if name != "period"}
        found = answer(schedule.recompute, given | {"instalments": 2, "due_on": ["2026-02-28", "2026-03-31"]})
        assert [row["interest_cents"] for row in found["instalments"]] == [12_000, 6_036]

    def test_writes_rates_as_plain_decimals(self):
        found = answer(schedule.recompute, TERMS | {"annual_rate": "0"})
        assert (found["irr12"], found["xirr"]) == ("0.00000000", "0.00000000")

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"principal_cents": 1_000_000.0}, "not_an_integer"),
            ({"principal_cents": "1000000"}, "not_an_integer"),
            ({"principal_cents": True}, "not_an_integer"),
            ({"principal_cents": None}, "not_an_integer"),
            ({"instalments": 12.5}, "not_an_integer"),
            ({"principal_grace": "0"}, "not_an_integer"),
            ({"annual_rate": 0.144}, "not_a_decimal"),
            ({"annual_rate": "14.4%"}, "not_a_decimal"),
            ({"annual_rate": "-0.1"}, "not_a_decimal"),
            ({"annual_rate": "1e3"}, "not_a_decimal"),
            ({"annual_rate": "٠.١"}, "not_a_decimal"),
            ({"annual_rate": "101"}, "rate_out_of_range"),
            ({"disbursed_on": "2026-02-30"}, "not_a_date"),
            ({"disbursed_on": "20260131"}, "not_a_date"),
            ({"disbursed_on": 20260131}, "not_a_date"),
            ({"due_on": "2026-02-28"}, "not_a_list"),
            ({"due_on": [None]}, "not_a_date"),
            ({"due_on": ["2026-02-28"]}, "due_dates_invalid"),
            ({"period": "month"}, "not_an_object"),
            ({"period": {"unit": "month"}}, "missing_field"),
            ({"period": {"unit": 1, "every": 1}}, "not_text"),
            ({"period": {"unit": "year", "every": 1}}, "unknown_period"),
            ({"principal_graces": 3}, "unknown_field"),
            ({"method": "bullet"}, "unknown_method"),
            ({"first_due_on": "2026-01-31"}, "due_dates_invalid"),
            ({"first_due_on": "2036-01-31"}, "negative_amortisation"),
        ],
    )
    def test_refuses_one_wrong_field_by_name(self, change, code):
        assert "error" not in answer(schedule.recompute, TERMS)
        found = answer(schedule.recompute, TERMS | change)
        assert found.keys() == {"error"}
        assert found["error"]["code"] == code
        assert found["error"]["message"]

    @pytest.mark.parametrize("name", sorted(TERMS))
    def test_refuses_a_line_without_one_of_its_fields(self, name):
        found = answer(schedule.recompute, {key: value for key, value in TERMS.items() if key != name})
        assert found["error"] == {"code": "missing_field", "message": name}

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            (b"[]", "not_an_object"),
            (b"null", "not_an_object"),
            (b"\xff\xfe\xff", "malformed_json"),
            (b'{"principal_cents": NaN}', "malformed_json"),
            (b'{"principal_cents": 1, "principal_cents": 2}', "malformed_json"),
            (b"[" * 100_000, "malformed_json"),
            (b'{"principal_cents": ' + b"9" * 5000 + b"}", "malformed_json"),
        ],
    )
    def test_refuses_a_line_that_is_no_object(self, line, code):
        assert answer(schedule.recompute, line)["error"]["code"] == code


class TestAnnualCost:
    def test_answers_from_the_command_line(self):
        done = run("annual_cost", [json.dumps(FLOWS).encode(), b'{"cashflows": []}'])
        assert done.returncode == 0, done.stderr
        found, none = (json.loads(line) for line in done.stdout.splitlines())
        assert found == {"irr12": "0.09568969", "xirr": "0.10000000"}
        assert none["error"]["code"] == "no_annual_cost"

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            ({}, "missing_field"),
            ({"cashflows": {}}, "not_a_list"),
            ({"cashflows": [1]}, "not_an_object"),
            ({"cashflows": [{"on": "2026-01-01"}]}, "missing_field"),
            ({"cashflows": [{"on": "2026-01-01", "amount_cents": 1.5}]}, "not_an_integer"),
            ({"cashflows": [{"on": "1 Jan", "amount_cents": 1}]}, "not_a_date"),
            ({"cashflows": [{"on": "2026-01-01", "amount_cents": 10**400}]}, "no_annual_cost"),
            ({"cashflows": [{"on": "2026-01-01", "amount_cents": 1, "fee": 0}]}, "unknown_field"),
        ],
    )
    def test_refuses_by_name(self, line, code):
        assert answer(annual_cost.recompute, line)["error"]["code"] == code
