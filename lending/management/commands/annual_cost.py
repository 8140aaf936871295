"""`manage.py annual_cost < cashflows.jsonl`: IRR x 12 and XIRR of any dated cash flows, without a database."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from lending.management import jsonl
from lending.rules.annual_cost import Cashflow, irr12, xirr


class Command(BaseCommand):
    help = (
        "Reads {cashflows: [{on, amount_cents}]} as JSON lines (paid out to the borrower is positive), writes "
        "{irr12, xirr}, fractions a year in quotes with eight places, or {error: {code, message}} a line."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        for answer in jsonl.answers(sys.stdin.buffer, recompute):
            self.stdout.write(answer)


def recompute(record: dict[str, Any]) -> dict[str, str]:
    """One line of cash flows as parsed to one answer. Raises a leaf of Invalid."""
    jsonl.check_fields(record, required={"cashflows"})
    flows = [_cashflow(value) for value in jsonl.take_list(record["cashflows"], "cashflows")]
    return {"irr12": f"{irr12(flows):f}", "xirr": f"{xirr(flows):f}"}


def _cashflow(value: Any) -> Cashflow:
    record = jsonl.take_object(value, "a cash flow")
    jsonl.check_fields(record, required={"on", "amount_cents"})
    return Cashflow(
        on=jsonl.take_date(record["on"], "on"),
        amount_cents=jsonl.take_int(record["amount_cents"], "amount_cents"),
    )
