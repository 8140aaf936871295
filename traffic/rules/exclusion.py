"""Who is never handed on to another platform, whatever set the look for one off. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from traffic.rules.matching import can_carry

APPEAL_OPEN = "appeal_open"
ABOUT_THEM = ("H", "F", "S", "P", "N")  # classes that say something of the borrower; M of lenders, B of their own will
# Sanctions; many lenders; instalments above half of the income; overdue elsewhere now.
BY_REASON = {"H07": "sanctions", "P01": "over_indebted", "P02": "over_indebted", "P03": "overdue"}
BY_LIST = {"black": "fraud", "grey": "fraud"}
BY_TAG = {
    "hardship": "hardship",
    "grey_list": "fraud",
    "external_list": "fraud",
    "aml_possible": "sanctions",
    "multi_lender": "over_indebted",
}
CODES = ("fraud", "sanctions", "over_indebted", "overdue", "hardship", APPEAL_OPEN, "not_distributed")


@dataclass(frozen=True)
class Reason:
    code: str
    cls: str
    distribute: bool


@dataclass(frozen=True)
class Facts:
    """What is known of a borrower at one moment.

    `reasons`: of refusals that stand, of any application and drawdown; `lists`: kinds of lists that name them;
    `owes`: a loan of ours is overdue, paid by the guarantor or written off; `burden_cents`: all instalments of a
    month; `income_cents`: net, of a month.
    """

    reasons: tuple[Reason, ...] = ()
    lists: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    owes: bool = False
    appeal_open: bool = False
    income_cents: int | None = None
    burden_cents: int = 0


def exclusions(facts: Facts) -> tuple[str, ...]:
    """Why nothing of this borrower goes to any platform, in the order of CODES; () where it may."""
    found = set(_of_reasons(facts.reasons))
    found |= {BY_LIST[kind] for kind in facts.lists if kind in BY_LIST}
    found |= {BY_TAG[tag] for tag in facts.tags if tag in BY_TAG}
    if facts.owes:
        found.add("overdue")
    if not can_carry(facts.income_cents, facts.burden_cents):
        found.add("over_indebted")
    if facts.appeal_open:
        found.add(APPEAL_OPEN)
    return tuple(code for code in CODES if code in found)


def _of_reasons(reasons: Iterable[Reason]) -> Iterable[str]:
    for reason in reasons:
        if reason.cls == "F":
            yield "fraud"
        if reason.code in BY_REASON:
            yield BY_REASON[reason.code]
        if reason.cls in ABOUT_THEM and not reason.distribute:
            yield "not_distributed"
