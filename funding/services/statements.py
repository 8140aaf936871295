"""The month's statement with a lender or a guarantor."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db.models import Sum

from funding.models import Funder, FunderLine, FunderStatement, FunderType
from funding.queries.settlement import due_on, settles_with
from funding.rules import settlement as rules
from funding.services.settlement import settle_due
from lending.common.errors import NotFound
from lending.services import statements
from users.services import acts

SETTLE, APPROVE = "funding.settle_funder", "funding.approve_funderstatement"


def _legs(row: FunderStatement) -> Mapping[str, int]:
    sums = row.lines.order_by().values_list("kind").annotate(cents=Sum("amount_cents"))
    own = Funder.objects.filter(party_id=row.party_id, type=FunderType.OWN).exists()
    lender = Funder.objects.filter(party_id=row.party_id).exists()
    return rules.legs(sums, by_hand=rules.RESERVE if own else rules.LENDER if lender else rules.GUARANTOR)


KIND = statements.Kind(FunderStatement, FunderLine, "party", SETTLE, APPROVE, "funder_statement", _legs)


def draft_statement(*, party_code: str, month: date, reason: str, by: str, at: datetime) -> int:
    """Of everything up to the end of that month which no statement has; its id. `month`: any day of it.

    Raises NotFound, MonthNotOver, StatementExists, NothingToSettle, SeveralCurrencies, NotAllowed, ReasonRequired.
    """
    acts.require(by=by, permission=SETTLE)
    if not settles_with(party_code):
        raise NotFound("There is no such lender or guarantor that anything is settled with.")
    first, _ = statements.month_over(month, at)
    settle_due(at=at)  # which also makes a second drafter wait
    due = due_on(party_code, first)
    return statements.draft(KIND, whose=party_code, month=month, reason=reason, by=by, at=at, due_on=due)


def approve_statement(*, statement_id: int, reason: str, by: str, at: datetime) -> None:
    """By somebody who neither drafted nor adjusted it; its journal is posted, once. Raises NotFound, NotADraft,
    SamePerson, StatementChanged, NotAllowed, ReasonRequired."""
    statements.approve(KIND, statement_id=statement_id, reason=reason, by=by, at=at)


def adjust_statement(*, statement_id: int, amount_cents: int, reason: str, by: str, at: datetime) -> None:
    """A line by hand on a draft: above zero, the platform earns more. Raises NotFound, NotADraft, NothingAdjusted,
    NotAllowed, ReasonRequired."""
    said: dict[str, Any] = {"reason": reason, "by": by, "at": at, "columns": {"at": at}}
    statements.adjust(KIND, statement_id=statement_id, amount_cents=amount_cents, **said)


def discard_statement(*, statement_id: int, reason: str, by: str, at: datetime) -> None:
    """Its lines are open again. Raises NotFound, NotADraft, NotAllowed, ReasonRequired."""
    statements.discard(KIND, statement_id=statement_id, reason=reason, by=by, at=at)
