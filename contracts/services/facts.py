"""What contracts say about a drawdown or a loan: one dictionary of typed values (see `contracts.rules.variables`), of
which a template takes the ones it declares.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from contracts.models import Contract, ContractState, Kind
from contracts.rules import words
from lending import queries as lending
from lending.common import clock
from lending.common.money import format_cents, percent
from lending.rules import offer
from users import queries as users


def of_drawdown(drawdown: lending.DrawdownView, at: datetime) -> dict[str, Any]:
    """Everything known before the payout: due days are relative to it. Raises AboveCeiling."""
    on = clock.business_date(at)
    product = lending.product(drawdown.product_code)
    cost = offer.quote(
        amount_cents=drawdown.amount_cents,
        months=drawdown.months,
        annual_rate=drawdown.annual_rate,
        method=drawdown.method,
        disbursed_on=on,
    )
    fees = offer.guarantee_fees(cost.lines, annual_rate=drawdown.annual_rate, guarantee_rate=drawdown.guarantee_rate)
    xirr = max(cost.xirr, drawdown.xirr)
    offer.check_ceiling(xirr, product.ceiling_xirr)
    plan = [
        _row(
            line.number,
            f"放款后第 {line.number} 个月对日 · month {line.number}",
            line.principal_cents,
            line.interest_cents - fee,
            fee,
            line.balance_cents,
        )
        for line, fee in zip(cost.lines, fees, strict=True)
    ]
    return (
        _borrower(drawdown.user_id)
        | _card(drawdown.card_id)
        | _terms(drawdown.amount_cents, drawdown.months, drawdown.method, drawdown.annual_rate)
        | _cost(plan, drawdown.amount_cents, drawdown.annual_rate, cost.irr12, xirr)
        | _servicing(offer.overdue_rate(drawdown.annual_rate))
        | {
            "issued_on": on.isoformat(),
            "lender": _party(drawdown.funder_code),
            "product": f"{product.name_zh} {product.name}",
            "purpose": words.PURPOSES.get(drawdown.purpose, drawdown.purpose),
            "ceiling_xirr": str(product.ceiling_xirr),
        }
        | ({"guarantor": _party(drawdown.guarantor_code)} if drawdown.guarantor_code else {})
    )


def of_loan(loan: lending.LoanView, at: datetime) -> dict[str, Any]:
    """Everything known after the payout: the value date and the final due dates."""
    balance, plan = loan.principal_cents, []
    for row in loan.instalments:
        balance -= row.principal_cents
        due = row.due_date.isoformat()
        plan.append(_row(row.number, due, row.principal_cents, row.interest_cents, row.guarantee_fee_cents, balance))
    product = lending.product(loan.product_code)
    facts = (
        _borrower(loan.user_id)
        | _card(loan.card_id)
        | _terms(loan.principal_cents, loan.months, loan.method, loan.annual_rate)
        | _cost(plan, loan.principal_cents, loan.annual_rate, loan.irr12, loan.xirr)
        | _servicing(loan.overdue_rate)
        | {
            "issued_on": clock.business_date(at).isoformat(),
            "lender": _party(loan.creditor),
            "product": f"{product.name_zh} {product.name}",
            "loan_number": str(loan.public_id),
            "agreement_number": agreement_number(loan.drawdown_id),
            "value_date": loan.value_date.isoformat(),
            "first_due_date": loan.instalments[0].due_date.isoformat(),
            "last_due_date": loan.instalments[-1].due_date.isoformat(),
        }
    )
    if loan.closed_at is not None:
        received = sum(row.amount_cents - row.surplus_cents for row in lending.repayments_of(loan.id))
        facts |= {"settled_on": clock.business_date(loan.closed_at).isoformat(), "paid_in_all": received}
    return facts


def agreement_number(drawdown_id: int) -> str | None:
    """The number of the live loan agreement; None where there is none."""
    live = Contract.objects.filter(drawdown_id=drawdown_id, kind=Kind.LOAN_AGREEMENT).exclude(state=ContractState.VOID)
    return live.values_list("number", flat=True).first()


def _row(number: int, due: str, principal: int, interest: int, fee: int, balance: int) -> dict[str, Any]:
    return {
        "number": number,
        "due": due,
        "principal_cents": principal,
        "interest_cents": interest,
        "fee_cents": fee,
        "total_cents": principal + interest + fee,
        "balance_cents": balance,
    }


def _borrower(user_id: int) -> dict[str, Any]:
    person = users.person(user_id)
    return {"borrower_name": person.name, "borrower_id_number": person.id_number, "borrower_phone": person.phone}


def _card(card_id: int) -> dict[str, Any]:
    card = users.card(None, card_id)
    return {"card_bank": card.bank, "card_last4": card.last4, "card_holder": card.holder}


def _party(code: str) -> str:
    party = lending.party(code)
    return f"{party.legal_name_zh} {party.legal_name}".strip()


def _terms(amount_cents: int, months: int, method: str, annual_rate: Decimal) -> dict[str, Any]:
    return {
        "amount": amount_cents,
        "months": months,
        "method": words.METHODS[method],
        "annual_rate": str(annual_rate),
    }


def _cost(
    plan: list[dict[str, Any]], amount_cents: int, annual_rate: Decimal, irr12: Decimal, xirr: Decimal
) -> dict[str, Any]:
    total = sum(row["total_cents"] for row in plan)
    first = plan[0]
    return {
        "plan": plan,
        "first_instalment": first["total_cents"],
        "total_interest": sum(row["interest_cents"] for row in plan),
        "total_fees": sum(row["fee_cents"] for row in plan),
        "total_to_repay": total,
        "irr12": str(irr12),
        "xirr": str(xirr),
        "first_interest_worked": (
            f"{format_cents(first['interest_cents'] + first['fee_cents'])} = {format_cents(amount_cents)}"
            f" × {percent(annual_rate)} × 30/360"
            + (f"，其中担保费 of which guarantee fee {format_cents(first['fee_cents'])}" if first["fee_cents"] else "")
        ),
    }


def _servicing(overdue_rate: Decimal) -> dict[str, Any]:
    return {
        "overdue_rate": str(overdue_rate),
        "grace_days": int(lending.servicing("grace_days")),
        "cancel_free_hours": int(lending.servicing("cancel_free_hours_clock")),
        "debit_runs": lending.servicing("debit_runs").replace(" ", "、"),
        "contact_hours": lending.servicing("contact_hours"),
    }
