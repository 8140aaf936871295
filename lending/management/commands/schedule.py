"""`manage.py schedule < terms.jsonl`: an auditor recomputes a schedule and its cost without a database."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from lending.management import jsonl
from lending.rules import annual_cost
from lending.rules.schedule import MONTH, Terms, build_schedule

REQUIRED = {"principal_cents", "annual_rate", "instalments", "disbursed_on", "method", "day_count", "rounding"}
OPTIONAL = {"period", "first_due_on", "due_on", "instalment_multiple_cents", "principal_grace"}


class Command(BaseCommand):
    help = (
        "Reads terms as JSON lines, writes {instalments, irr12, xirr} or {error: {code, message}} a line. "
        "irr12 and xirr are fractions a year in quotes, with eight places."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        for answer in jsonl.answers(sys.stdin.buffer, recompute):
            self.stdout.write(answer)


def recompute(record: dict[str, Any]) -> dict[str, Any]:
    """One line of terms as parsed to one answer. Raises a leaf of Invalid."""
    terms = read_terms(record)
    lines = build_schedule(terms)
    flows = annual_cost.cashflows_of(lines, terms.disbursed_on)
    return {
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
        "irr12": f"{annual_cost.irr12(flows):f}",
        "xirr": f"{annual_cost.xirr(flows):f}",
    }


def read_terms(record: dict[str, Any]) -> Terms:
    """`period` may be left out where `due_on` gives every date."""
    record = {name: value for name, value in record.items() if value is not None or name not in OPTIONAL}
    given = jsonl.take_list(record.get("due_on", []), "due_on")
    jsonl.check_fields(record, required=REQUIRED if given else REQUIRED | {"period"}, optional=OPTIONAL)
    period = jsonl.take_object(record.get("period", {"unit": MONTH, "every": 1}), "period")
    jsonl.check_fields(period, required={"unit", "every"})
    first = record.get("first_due_on")
    return Terms(
        principal_cents=jsonl.take_int(record["principal_cents"], "principal_cents"),
        annual_rate=jsonl.take_decimal(record["annual_rate"], "annual_rate"),
        instalments=jsonl.take_int(record["instalments"], "instalments"),
        disbursed_on=jsonl.take_date(record["disbursed_on"], "disbursed_on"),
        unit=jsonl.take_text(period["unit"], "period.unit"),
        every=jsonl.take_int(period["every"], "period.every"),
        first_due_on=None if first is None else jsonl.take_date(first, "first_due_on"),
        due_on=tuple(jsonl.take_date(day, "due_on") for day in given),
        method=jsonl.take_text(record["method"], "method"),
        day_count=jsonl.take_text(record["day_count"], "day_count"),
        rounding=jsonl.take_text(record["rounding"], "rounding"),
        instalment_multiple_cents=jsonl.take_int(
            record.get("instalment_multiple_cents", 1), "instalment_multiple_cents"
        ),
        principal_grace=jsonl.take_int(record.get("principal_grace", 0), "principal_grace"),
    )
