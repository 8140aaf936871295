"""Issued beside the signing set: the annex after a card change, the note after payout, the settlement letter."""

from datetime import datetime

from contracts.models import Contract, Kind
from contracts.services import facts, sets
from lending import queries as lending
from lending.common.errors import Conflict
from lending.models import DrawdownStatus, LoanStatus
from lending.services import drawdowns


class NotIssuable(Conflict):
    code, title = "not_issuable", "This document cannot be issued now"


def issue_annex(*, drawdown_id: int, at: datetime) -> int:
    """The account annex for the drawdown's present card (CARD_FIX); an annex for an earlier card is void by it."""
    drawdown = drawdowns.lock(drawdown_id)
    if drawdown.status != DrawdownStatus.CARD_FIX:
        raise NotIssuable(f"The drawdown is {drawdown.status}.", state=drawdown.status)
    for former in sets.live(drawdown_id).filter(kind=Kind.ACCOUNT_ANNEX).select_for_update(of=("self",)):
        sets.void_one(former, at)
    view = lending.drawdown(drawdown_id)
    known = facts.of_drawdown(view, at) | {"agreement_number": facts.agreement_number(drawdown_id)}
    return sets.write(kind=Kind.ACCOUNT_ANNEX, drawdown=view, facts=known, at=at, funder_code=view.funder_code)


def issue_note(*, drawdown_id: int, loan_id: int, at: datetime) -> int:
    """The note (借据) with the final schedule, dated by the actual payout. Issued already: the same id."""
    loan = lending.loan(loan_id)
    if loan.drawdown_id != drawdown_id:
        raise NotIssuable("The loan is of another drawdown.")
    return _issue(kind=Kind.NOTE, loan=loan, at=at)


def issue_letter(*, loan_id: int, at: datetime) -> int:
    """The settlement letter (结清证明). Issued already: the same id. Raises NotIssuable before settlement."""
    loan = lending.loan(loan_id)
    if loan.status != LoanStatus.SETTLED:
        raise NotIssuable(f"The loan is {loan.status}.", state=loan.status)
    return _issue(kind=Kind.SETTLED_LETTER, loan=loan, at=at)


def _issue(*, kind: str, loan: lending.LoanView, at: datetime) -> int:
    drawdowns.lock(loan.drawdown_id)
    there: Contract | None = sets.live(loan.drawdown_id).filter(kind=kind).first()
    if there is not None:
        return there.pk
    view = lending.drawdown(loan.drawdown_id)
    return sets.write(
        kind=kind, drawdown=view, facts=facts.of_loan(loan, at), at=at, funder_code=loan.creditor, loan_id=loan.id
    )
