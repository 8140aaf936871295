"""The German Credit sample as applicants and as what vendors would answer about them.

One mapping serves three readers: the scorecard is built from it, the sandbox answers with it, the demo applies with
it. Outcome, sex, marital status, nationality and age never reach a vendor answer. Source: UCI Statlog (German
Credit), CC BY 4.0.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

PATH = Path(__file__).resolve().parents[1] / "data" / "german_credit" / "german_credit.csv"

CHECKING = {
    "no checking account": "none",
    "... < 0 DM": "overdrawn",
    "0 <= ... < 200 DM": "low",
    "... >= 200 DM / salary assignments for at least 1 year": "high",
}
SAVINGS = {
    "unknown/ no savings account": "none",
    "... < 100 DM": "under_100",
    "100 <= ... < 500 DM": "100_500",
    "500 <= ... < 1000 DM": "500_1000",
    "... >= 1000 DM": "over_1000",
}
HISTORY = {
    "no credits taken/ all credits paid back duly": "none_or_all_paid",
    "all credits at this bank paid back duly": "all_paid_here",
    "existing credits paid back duly till now": "existing_paid",
    "delay in paying off in the past": "past_delay",
    "critical account/ other credits existing (not at this bank)": "critical_or_elsewhere",
}
EMPLOYMENT = {
    "unemployed": "unemployed",
    "... < 1 year": "under_1y",
    "1 <= ... < 4 years": "1_4y",
    "4 <= ... < 7 years": "4_7y",
    "... >= 7 years": "over_7y",
}
WORK_MONTHS = {"unemployed": 0, "under_1y": 6, "1_4y": 30, "4_7y": 66, "over_7y": 108}
INCOME_SHARE = {1: Decimal("0.40"), 2: Decimal("0.30"), 3: Decimal("0.225"), 4: Decimal("0.15")}
TERMS = {"LINE": (3, 6, 9, 12, 18, 24), "ONCE": (6, 12, 18, 24), "BIZ": (6, 12, 24)}
AMOUNTS = {"LINE": (1_000, 50_000, 100), "ONCE": (1_000, 50_000, 100), "BIZ": (5_000, 100_000, 1_000)}
PROVINCES = ("ZJ", "ZJ", "JS", "GD", "SC")


@dataclass(frozen=True)
class Row:
    """One line of the sample; `number` counts from 1. Money in yuan of the demo (the sample's marks × 5)."""

    number: int
    checking: str
    months: int
    history: str
    purpose: str
    amount: int
    savings: str
    employment: str
    instalment_rate: int
    residence_years: int
    age: int
    plans: str
    housing: str
    credits: int
    job: str
    telephone: bool
    sex_status: str
    foreign_worker: bool
    bad: bool


@dataclass(frozen=True)
class Applicant:
    """What a row's borrower declares. Amounts in cents, term in months."""

    number: int
    product: str
    amount_cents: int
    months: int
    method: str
    purpose: str
    net_income_cents: int
    instalments_elsewhere_cents: int
    province: str
    channel: str
    employment: str
    housing: str
    job: str
    age: int


def read(lines: Iterable[str]) -> tuple[Row, ...]:
    """Parse the sample's CSV. Raises KeyError on a category the codebook does not list."""
    return tuple(
        Row(
            number=number,
            checking=CHECKING[line["status_of_existing_checking_account"]],
            months=int(line["duration_in_month"]),
            history=HISTORY[line["credit_history"]],
            purpose=line["purpose"],
            amount=int(line["credit_amount"]) * 5,
            savings=SAVINGS[line["savings_account_and_bonds"]],
            employment=EMPLOYMENT[line["present_employment_since"]],
            instalment_rate=int(line["installment_rate_in_percentage_of_disposable_income"]),
            residence_years=int(line["present_residence_since"]),
            age=int(line["age_in_years"]),
            plans=line["other_installment_plans"],
            housing=line["housing"],
            credits=int(line["number_of_existing_credits_at_this_bank"]),
            job=line["job"],
            telephone=line["telephone"].startswith("yes"),
            sex_status=line["personal_status_and_sex"],
            foreign_worker=line["foreign_worker"] == "yes",
            bad=line["creditability"] == "bad",
        )
        for number, line in enumerate(csv.DictReader(lines), start=1)
    )


def product_of(row: Row) -> str:
    if row.purpose == "business":
        return "BIZ"
    return "ONCE" if row.number % 2 else "LINE"


def net_income_cents(row: Row) -> int:
    """Monthly net income implied by the sample: instalment ÷ its share of disposable income."""
    income = Decimal(row.amount * 100) / row.months / INCOME_SHARE[row.instalment_rate]
    return int(income.quantize(Decimal(1), ROUND_HALF_UP))


def obligations_cents(row: Row) -> int:
    """Instalments elsewhere a month: 3 % of income per further credit, 4 % for instalment plans at bank or stores."""
    share = 3 * (row.credits - 1) + (0 if row.plans == "none" else 4)
    return net_income_cents(row) * share // 10_000 * 100


def applicant(row: Row) -> Applicant:
    """The row as an application, by `demo_mapping` of the demo configuration."""
    product = product_of(row)
    low, high, step = AMOUNTS[product]
    amount = min(max((2 * row.amount + step) // (2 * step) * step, low), high)
    months = min(TERMS[product], key=lambda term: (abs(term - row.months), -term))
    return Applicant(
        number=row.number,
        product=product,
        amount_cents=amount * 100,
        months=months,
        method="equal_instalment",
        purpose="business" if product == "BIZ" else "consumer",
        net_income_cents=net_income_cents(row),
        instalments_elsewhere_cents=obligations_cents(row),
        province=PROVINCES[row.number % 5],
        channel=_channel(row.number % 10, product),
        employment=row.employment,
        housing=row.housing,
        job=row.job,
        age=row.age,
    )


def vendor_answers(row: Row) -> dict[str, dict[str, object]]:
    """Raw answer of every external source about this row's person, by source code, as the vendor's wire carries it."""
    income = net_income_cents(row)
    overdrawn = row.checking == "overdrawn"
    seriously_late = row.history == "past_delay" and overdrawn
    listed = row.history == "none_or_all_paid" and overdrawn
    overdue = seriously_late and row.credits >= 2
    asked = {"none": 1, "bank": 4, "stores": 5}[row.plans] + row.credits - 1
    asked += 2 * overdrawn + 2 * (row.history in ("none_or_all_paid", "all_paid_here"))
    tenure = 72 if row.telephone else 14
    return {
        "phone3": {"match": "consistent", "online_months": tenure},
        "phone_list": {
            "decision": "review" if row.number % 50 == 0 else "accept",
            "score": 70 if row.number % 50 == 0 else 10,
        },
        "device": {"emulator": False, "accounts_7d": 1, "phones_30d": 1},
        "blacklist": {
            "listed": listed,
            "records": [{"kind": "payment_default", "amount_cents": income // 2}] if listed else [],
        },
        "aml": {"status": "possible" if row.number % 97 == 0 else "clear", "lists_version": "2026-09"},
        "multi_lender": {
            "applications": {"days_7": asked // 4, "days_30": asked, "days_90": asked * 2},
            "lenders": {"days_30": max(asked - 1, 0)},
        },
        "operator": {
            "account": {"own_name": True, "months": tenure},
            "places": {"home_months": row.residence_years * 12, "work_months": WORK_MONTHS[row.employment]},
        },
        "bureau": {
            "credit_history": row.history,
            "open_credits": row.credits,
            "instalment_plans": row.plans,
            "overdue_now_cents": income // 4 if overdue else 0,
            "worst_days_late_24m": 95
            if seriously_late
            else {"past_delay": 20, "critical_or_elsewhere": 5}.get(row.history, 0),
            "monthly_instalments_cents": obligations_cents(row),
        },
        "bankflow": {
            "months": 12,
            "net_income_cents": income,
            "current_account": row.checking,
            "savings": row.savings,
        },
    }


def _channel(slot: int, product: str) -> str:
    if slot in (5, 6) and product != "BIZ":
        return "LOANHUB"
    if slot in (7, 8) and product == "LINE":
        return "CARDMATE"
    if slot == 9 and product == "ONCE":
        return "POCKET"
    return "OWN"
