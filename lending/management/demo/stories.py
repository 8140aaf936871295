"""The cases to look at: how each row with a story ended, told from what is recorded, and where to find it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import funding.queries
from lending import queries
from lending.common.crypto import mask_phone
from lending.common.money import format_cents
from lending.models import Event, Loan
from lending.sandbox.applicants import CASES, Applicant

DAYS_LATE = 5


@dataclass(frozen=True)
class Trail:
    """The states that an application, its drawdowns and their loans went through, each oldest first."""

    application: tuple[str, ...]
    drawdowns: tuple[tuple[str, ...], ...]
    loans: tuple[tuple[str, ...], ...]
    loan_ids: tuple[int, ...] = field(repr=False)
    drawdown_ids: tuple[int, ...] = field(repr=False)

    @property
    def drawdown(self) -> tuple[str, ...]:
        return self.drawdowns[0] if self.drawdowns else ()

    @property
    def loan(self) -> tuple[str, ...]:
        return self.loans[0] if self.loans else ()


@dataclass(frozen=True)
class Story:
    """`ending`: a sentence where the case ended as its name says, else "" and `trail` says how it ended."""

    case: str
    row: int
    number: str
    phone: str
    ending: str
    trail: Trail


def tell(people: Sequence[Applicant], numbers: dict[int, str]) -> list[Story]:
    """The stories of those of a batch who have one. numbers: the application's public id by row."""
    told = []
    for case, tale in TALES.items():
        row = CASES[case][0]
        person = next((one for one in people if one.row == row), None)
        if person is None:
            continue
        number = numbers.get(row, "")
        trail = _trail(number)
        told.append(Story(case, row, number, mask_phone(person.phone), tale(trail) if number else "", trail))
    return sorted(told, key=lambda story: story.row)


def lines(stories: Sequence[Story], *, site: str, sandbox: str) -> Iterable[str]:
    """As people read them: what happened, and how to find it in the back office and as the borrower."""
    if not stories:
        return
    yield "\n  Cases to look at"
    width = max(len(_title(story)) for story in stories)
    for story in stories:
        yield f"    row {story.row:>3}  {_title(story):<{width}}  {story.ending or f'NOT AS NAMED: {story.trail}'}"
        yield f"             {'':<{width}}application {story.number or '-'}, phone {story.phone}"
    yield f"    In the back office, {site}/admin/, applications, grants, drawdowns and loans are found by that number."
    yield f"    As the borrower: {sandbox}/sms?phone={stories[0].phone} shows the whole phone number and every code"
    yield f"    sent to it; ask for a code and sign in with it at {site}/ or through {site}/api/v1/auth/otp."


def _title(story: Story) -> str:
    return story.case.replace("_", " ")


def _trail(number: str) -> Trail:
    paths: dict[tuple[str, int], list[str]] = {}
    if number:
        for event in Event.objects.filter(application__public_id=number).order_by("id"):
            paths.setdefault((event.subject, event.subject_id), []).append(event.target)
    drawdowns = {pk: tuple(path) for (subject, pk), path in paths.items() if subject == "drawdown"}
    loans = {pk: tuple(path) for (subject, pk), path in paths.items() if subject == "loan"}
    application = next((tuple(path) for (subject, _), path in paths.items() if subject == "application"), ())
    return Trail(application, tuple(drawdowns.values()), tuple(loans.values()), tuple(loans), tuple(drawdowns))


# --- each case: its sentence, or "" where it ended otherwise ---------------------------------------------------------


def _unsigned(trail: Trail) -> str:
    unsigned = trail.drawdown[-2:] == ("SIGNING", "EXPIRED")
    return "approved, never signed: the drawdown expired, the grant stays" if unsigned else ""


def _returned(trail: Trail) -> str:
    back = trail.drawdown[-2:] == ("PAID", "RETURNED") and trail.loan[-1:] == ("CANCELLED",)
    return "paid out, sent back by the bank: every journal reversed, the loan cancelled" if back else ""


def _appeal(trail: Trail) -> str:
    path = trail.application
    decided = path[-3:-1] == ("DECLINED", "REFERRED") and path[-1] in ("GRANTED", "DECLINED")
    return f"declined by the machine, appealed, {path[-1].lower()} by final review" if decided else ""


def _unknown_payout(trail: Trail) -> str:
    paid = trail.drawdown[-1:] == ("PAID",)
    payouts = funding.queries.payouts_of(trail.drawdown_ids[0]) if paid else ()
    if len(payouts) != 1:
        return ""
    return "no answer to the payout: asked for under its key, found, paid once"


def _supplement(trail: Trail) -> str:
    path = trail.application
    decided = path[-4:-1] == ("REFERRED", "SUPPLEMENT", "REFERRED") and path[-1] in ("GRANTED", "DECLINED")
    return f"referred, salary slips asked for and brought, {path[-1].lower()} by final review" if decided else ""


def _given_back(trail: Trail) -> str:
    if trail.drawdown[-1:] != ("PAID",) or trail.loan[-1:] != ("CANCELLED",):
        return ""
    repayments = queries.repayments_of(trail.loan_ids[0])
    free = [row for row in repayments if row.principal_cents == row.amount_cents]
    return "paid out, given back within 24 hours: principal only, the loan cancelled" if len(free) == 1 else ""


def _two_drawdowns(trail: Trail) -> str:
    both = len(trail.drawdowns) == 2 and all(path[-1] == "PAID" for path in trail.drawdowns)
    return "two drawdowns on one grant, two loans" if both and len(trail.loans) == 2 else ""


def _second_funder(trail: Trail) -> str:
    asked = funding.queries.allocations_of(trail.drawdown_ids[0]) if trail.drawdown[-1:] == ("PAID",) else ()
    if len(asked) < 2 or asked[0].funder_code == asked[-1].funder_code:
        return ""
    return f"{asked[0].funder_code} refused, {asked[-1].funder_code} lent"


def _cancelled(trail: Trail) -> str:
    cancelled = trail.drawdown[-2:] == ("SIGNING", "CANCELLED")
    return "cancelled by the borrower before signing: headroom released" if cancelled else ""


def _overdue(trail: Trail) -> str:
    if trail.loan != ("ACTIVE", "OVERDUE", "ACTIVE"):
        return ""
    loan = Loan.objects.get(pk=trail.loan_ids[0])
    paid = queries.repayments_of(loan.pk)[0]
    if loan.max_dpd != DAYS_LATE or not paid.penalty_cents:
        return ""
    penalty = format_cents(paid.penalty_cents)
    return f"{loan.max_dpd} days past due, cured by {format_cents(paid.amount_cents)} with {penalty} of penalty"


def _compensated(trail: Trail) -> str:
    claim = funding.queries.claim_of(trail.loan_ids[0]) if trail.loan == ("ACTIVE", "OVERDUE", "COMPENSATED") else None
    if claim is None:
        return ""
    paid = format_cents(claim.amount_cents)
    return f"{claim.dpd} days past due: {claim.guarantor_code} paid {claim.creditor} {paid} and holds the claim"


def _early_settlement(trail: Trail) -> str:
    return "settled on the day of the payout, no fee" if trail.loan == ("ACTIVE", "SETTLED") else ""


def _bad_card(trail: Trail) -> str:
    fixed = "CARD_FIX" in trail.drawdown and trail.drawdown[-1] == "PAID"
    return "the card was closed, another one bound, annex signed, paid out" if fixed else ""


TALES: dict[str, Callable[[Trail], str]] = {
    "unsigned": _unsigned,
    "returned": _returned,
    "appeal": _appeal,
    "unknown_payout": _unknown_payout,
    "supplement": _supplement,
    "given_back": _given_back,
    "two_drawdowns": _two_drawdowns,
    "second_funder": _second_funder,
    "cancelled": _cancelled,
    "compensated": _compensated,
    "overdue": _overdue,
    "early_settlement": _early_settlement,
    "bad_card": _bad_card,
}
