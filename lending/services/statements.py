"""A month's statement with a channel, a lender or a guarantor: drafted by one person of its lines, decided by another.

The apps own the tables and write the lines; this is what they have in common. Callers hold the lock of their lines.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db import models
from django.db.models import Sum

from lending.common import clock
from lending.common.errors import Conflict, Forbidden, Invalid, NotFound
from lending.common.money import MAX_CENTS
from lending.models.statement import Statement, StatementState
from lending.services import ledger
from users.services import acts


class MonthNotOver(Conflict):
    code, title = "month_not_over", "A statement is drafted once its month is over"


class NothingToSettle(Conflict):
    code, title = "nothing_to_settle", "Nothing is open with them for this month"


class StatementExists(Conflict):
    code, title = "statement_exists", "There is a statement with them of this month already"


class SeveralCurrencies(Conflict):
    code, title = "several_currencies", "The open lines are in more than one currency"


class StatementChanged(Conflict):
    code, title = "statement_changed", "Its lines do not sum to its total any more; discard it and draft it again"


class NotADraft(Conflict):
    code, title = "not_a_draft", "This statement was decided already"


class SamePerson(Forbidden):
    code, title = "same_person", "Somebody else approves what you drafted or adjusted"


class NothingAdjusted(Invalid):
    code, title = "nothing_adjusted", "An adjustment is an amount above or below zero, of a currency that counts"


@dataclass(frozen=True)
class Kind:
    """`whose`: the column of the other side, in both tables; `settle`, `approve`: the permissions; `journal`: the kind
    of what an approval posts, `legs` of it by account."""

    statements: type[Statement]
    lines: type[models.Model]
    whose: str
    settle: str
    approve: str
    journal: str
    legs: Callable[[Any], Mapping[str, int]]


def month_over(month: date, at: datetime) -> tuple[date, date]:
    """The first day of the month and of the one that follows. `month`: any day of it. Raises MonthNotOver."""
    first = month.replace(day=1)
    following = _following(first)
    if clock.business_date(at) < following:
        raise MonthNotOver(f"{first:%Y-%m} is over on {following}.")
    return first, following


def _following(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)


def draft(kind: Kind, *, whose: str, month: date, reason: str, by: str, at: datetime, **more: Any) -> int:
    """Of everything up to the end of that month which no statement has; its id. `more`: columns of its own.

    Raises MonthNotOver, StatementExists, NothingToSettle, SeveralCurrencies, NotAllowed, ReasonRequired.
    """
    acts.require(by=by, permission=kind.settle)
    first, following = month_over(month, at)
    theirs = {f"{kind.whose}_id": whose}
    if kind.statements._default_manager.filter(**theirs, month=first).exclude(state=StatementState.DISCARDED).exists():
        raise StatementExists(f"{whose} {first:%Y-%m}.")
    lines = kind.lines._default_manager.filter(**theirs, statement=None, on_date__lt=following)
    sums, count = Counter[str](), 0
    for currency, cents, n in (
        lines.order_by().values_list("currency").annotate(cents=Sum("amount_cents"), n=models.Count("pk"))
    ):
        sums[currency] += cents
        count += n
    if not sums:
        raise NothingToSettle(f"{whose} {first:%Y-%m}.")
    if len(sums) > 1:
        raise SeveralCurrencies(", ".join(sorted(sums)))
    [(currency, total)] = sums.items()
    statement = kind.statements._default_manager.create(
        **theirs,
        month=first,
        lines_count=count,
        total_cents=total,
        currency=currency,
        drafted_by=by,
        drafted_at=at,
        **more,
    )
    lines.update(statement=statement)
    _keep(statement, "draft_statement", reason, by, at)
    return statement.pk


def approve(kind: Kind, *, statement_id: int, reason: str, by: str, at: datetime) -> Statement:
    """By somebody who neither drafted nor adjusted it; its journal is posted, once. Raises NotFound, NotADraft,
    SamePerson, StatementChanged, NotAllowed, ReasonRequired."""
    row = _draft(kind, statement_id)
    acts.require(by=by, permission=kind.approve)
    lines = kind.lines._default_manager.filter(statement=row)
    if row.drafted_by == by or lines.filter(by=by).exists():
        raise SamePerson()
    summed = lines.aggregate(cents=Sum("amount_cents"), n=models.Count("pk"))
    if (summed["cents"], summed["n"]) != (row.total_cents, row.lines_count):
        raise StatementChanged()
    legs = kind.legs(row)
    if any(legs.values()):
        row.journal = ledger.post_with(
            party=getattr(row, f"{kind.whose}_id"),
            key=f"{kind.journal}-{row.pk}",
            kind=kind.journal,
            currency=row.currency,
            legs=legs,
            business_date=clock.business_date(at),
            at=at,
        )
    row.approve()  # type: ignore[attr-defined]
    _decide(row, "approve_statement", reason, by, at)
    return row


def adjust(
    kind: Kind,
    *,
    statement_id: int,
    amount_cents: int,
    reason: str,
    by: str,
    at: datetime,
    columns: Mapping[str, Any],
) -> None:
    """A line by hand on a draft, above or below zero as its table counts; whoever wrote it does not approve it.
    `columns`: what its table has besides.

    Raises NotFound, NotADraft, NothingAdjusted, NotAllowed, ReasonRequired.
    """
    row = _draft(kind, statement_id)
    acts.require(by=by, permission=kind.settle)
    if not amount_cents or abs(amount_cents) > MAX_CENTS:
        raise NothingAdjusted(f"{amount_cents} cents.")
    whose = f"{kind.whose}_id"
    kind.lines._default_manager.create(
        **{whose: getattr(row, whose)},
        kind="adjustment",
        source=f"adjustment:{uuid4()}",
        amount_cents=amount_cents,
        currency=row.currency,
        on_date=_following(row.month) - timedelta(days=1),
        statement=row,
        by=by,
        note=acts.checked(reason),
        **columns,
    )
    row.total_cents += amount_cents
    row.lines_count += 1
    row.save(update_fields=["total_cents", "lines_count"])
    _keep(row, "adjust_statement", reason, by, at)


def discard(kind: Kind, *, statement_id: int, reason: str, by: str, at: datetime) -> None:
    """Its lines are open again. Raises NotFound, NotADraft, NotAllowed, ReasonRequired."""
    row = _draft(kind, statement_id)
    acts.require(by=by, permission=kind.settle)
    kind.lines._default_manager.filter(statement=row).update(statement=None)
    row.discard()  # type: ignore[attr-defined]
    _decide(row, "discard_statement", reason, by, at)


def _draft(kind: Kind, statement_id: int) -> Statement:
    row = kind.statements._default_manager.select_for_update(of=("self",)).filter(pk=statement_id).first()
    if row is None:
        raise NotFound("There is no such statement.")
    if row.state != StatementState.DRAFT:
        raise NotADraft(f"It is {row.state}.")
    return row


def _decide(row: Statement, act: str, reason: str, by: str, at: datetime) -> None:
    row.decided_by, row.decided_at, row.decision_note = by, at, acts.checked(reason)
    row.save(update_fields=["state", "decided_by", "decided_at", "decision_note", "journal"])
    _keep(row, act, reason, by, at)


def _keep(row: Statement, act: str, reason: str, by: str, at: datetime) -> None:
    acts.record(by=by, act=act, subject=f"{row._meta.model_name}:{row.pk}", reason=reason, at=at)
