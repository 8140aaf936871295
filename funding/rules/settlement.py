"""What a programme's interest is worth to the platform, to its lender and to its guarantor. Pure; exact to the cent.

Signs: above zero where the platform earns it. Rounding is half up, once a line; what is left over is the platform's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from lending.common.errors import Invalid
from lending.common.money import round_half_up
from lending.rules import accrual

COLLECTED, BALANCE, OWN, SERVICING = BASES = ("collected", "balance", "own", "servicing")
CLASSES = (*(name for _, name in accrual.CLASSES), accrual.LOSS)
YEAR = 365  # what the lender's rate on the balance is a year of, leap years too (actual/365)


# What a statement's approval posts: the account that is debited where the platform earns, and the one credited.
LENDER, GUARANTOR, RESERVE = (
    ("funder_receivable", "service_fee_income"),
    ("guarantor_receivable", "guarantee_share_income"),
    ("loan_provision", "provision_expense"),
)
ACCOUNTS = {"share": LENDER, "interest": LENDER, "cost": LENDER, "fee_back": GUARANTOR, "provision": RESERVE}


class BadTerms(Invalid):
    code, title = "bad_terms", "Terms of settlement that nobody can reckon by"


@dataclass(frozen=True, slots=True)
class Terms:
    """`rate` is of the `basis`: the lender's part of collected interest; the lender's rate a year on the balance; 1 of
    an own book; what a servicer gets a year on the balance.

    `fee_back`: of the guarantee fee, the platform's part. `none_over_dpd`: past that many days all interest is the
    lender's. `provision`: of the balance, one for each of CLASSES. `due_workday`: of the month that follows. `deposit`:
    of the balance, what the guarantor keeps with the lender.
    """

    basis: str
    rate: Decimal
    fee_back: Decimal | None = None
    none_over_dpd: int | None = None
    provision: tuple[Decimal, ...] = ()
    due_workday: int | None = None
    deposit: Decimal | None = None


def read(
    *,
    basis: str,
    rate: str,
    fee_back: str = "",
    none_over_dpd: str = "",
    provision: str = "",
    due_workday: str = "",
    deposit: str = "",
) -> Terms:
    """Of a row of configuration; shares and rates in percent, "" where there is none. Raises BadTerms."""
    try:
        terms = Terms(
            basis=basis,
            rate=_share(rate),
            fee_back=_share(fee_back) if fee_back else None,
            none_over_dpd=int(none_over_dpd) if none_over_dpd else None,
            provision=tuple(_share(word) for word in provision.split()),
            due_workday=int(due_workday) if due_workday else None,
            deposit=_share(deposit) if deposit else None,
        )
    except (ArithmeticError, ValueError) as error:
        raise BadTerms(f"{basis}: {error}") from error
    faults = {
        "no such basis": basis not in BASES,
        "an own book keeps all": (basis == OWN) != (terms.rate == 1),
        "a part of the fee goes with the balance": terms.fee_back is not None and basis != BALANCE,
        "a deposit goes with the balance": terms.deposit is not None and basis != BALANCE,
        "late notes go with collected interest": terms.none_over_dpd is not None and basis != COLLECTED,
        "provisions are of an own book": bool(terms.provision) != (basis == OWN),
        "one provision for each class, ascending": basis == OWN
        and (len(terms.provision) != len(CLASSES) or list(terms.provision) != sorted(terms.provision)),
        "a workday of a month": terms.due_workday is not None and not 1 <= terms.due_workday <= 15,
        "days past due": terms.none_over_dpd is not None and terms.none_over_dpd < 0,
    }
    if any(faults.values()):
        raise BadTerms(f"{basis} {rate}: {', '.join(fault for fault, found in faults.items() if found)}.")
    return terms


def _share(percent: str) -> Decimal:
    share = Decimal(percent) / 100
    if not 0 < share <= 1 or share != share.quantize(Decimal("0.0001")):
        raise ValueError(f"{percent} % is no share")
    return share


def platform_share(terms: Terms, *, interest_cents: int, dpd: int) -> int:
    """Of interest that was collected `dpd` days past due; the lender has its part first, the platform the rest."""
    if terms.none_over_dpd is not None and dpd > terms.none_over_dpd:
        return 0
    return interest_cents - round_half_up(interest_cents * terms.rate)


def fee_back(terms: Terms, fee_cents: int) -> int:
    """What the guarantor pays the platform of a guarantee fee that was collected."""
    return round_half_up(fee_cents * terms.fee_back) if terms.fee_back is not None else 0


def cost(terms: Terms, moves: Iterable[tuple[date, int]], until: date) -> int:
    """What the balance has cost from the first day through `until`, in cents, whatever months it is cut into.

    moves: the balance's changes (day, cents), a payout above zero; each counts from the day after it.
    """
    days = sum(cents * max(0, (until - day).days) for day, cents in moves)
    return round_half_up(Fraction(terms.rate) * days / YEAR)


def provision(terms: Terms, *, balance_cents: int, dpd: int) -> tuple[int, Decimal]:
    """What is to be set aside for a balance of that class, and the class's rate."""
    rate = terms.provision[CLASSES.index(accrual.classify(dpd))]
    return round_half_up(balance_cents * rate), rate


def days_past_due(lines: Sequence[tuple[date, datetime | None]], *, before: datetime, on: date) -> int:
    """As it was on day `on`. lines: (due day, when it was paid in full); what was paid `before` was no longer open."""
    open_since = [due for due, paid_at in lines if paid_at is None or paid_at >= before]
    return max(0, (on - min(open_since)).days) if open_since else 0


def legs(sums: Iterable[tuple[str, int]], *, by_hand: tuple[str, str]) -> dict[str, int]:
    """Account → cents, debit above zero, of (kind of line, sum). Interest of the own book is its income already.

    by_hand: the accounts of an adjustment.
    """
    moved: dict[str, int] = {}
    for kind, cents in sums:
        if kind == "own":
            continue
        debit, credit = ACCOUNTS.get(kind, by_hand)
        moved[debit] = moved.get(debit, 0) + cents
        moved[credit] = moved.get(credit, 0) - cents
    return moved
