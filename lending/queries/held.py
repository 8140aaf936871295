"""What this app holds about a borrower, as it is handed over to them."""

from collections.abc import Iterator
from contextlib import suppress

from lending.common.errors import NotFound
from lending.common.held import Held, Rows, all_rows
from lending.models import (
    Application,
    Drawdown,
    Event,
    Grant,
    Instalment,
    Loan,
    LoanCreditor,
    Repayment,
    Supplement,
    SupplementItem,
)
from lending.queries.applications import brought_file

HELD = (
    Held(Application, "user_id"),
    Held(Event, "application__user_id", only=("subject", "source", "target", "reason", "occurred_at")),
    Held(Grant, "user_id"),
    Held(Drawdown, "user_id"),
    Held(Loan, "user_id"),
    Held(Instalment, "loan__user_id"),
    Held(Repayment, "loan__user_id"),
    Held(LoanCreditor, "loan__user_id"),
    Held(Supplement, "application__user_id"),
    Held(SupplementItem, "supplement__application__user_id"),
)
LEFT_OUT = {
    "lending.Journal": "The books: instalments and repayments say the same about you",
    "lending.Entry": "The books: instalments and repayments say the same about you",
}


def held(user_id: int) -> Rows:
    return all_rows(HELD, user_id)


def files_of(user_id: int) -> Iterator[tuple[str, bytes]]:
    """What the borrower brought: a name for each, and its bytes. One that is gone is left out."""
    rows = SupplementItem.objects.filter(supplement__application__user_id=user_id).exclude(file="")
    for row in rows.order_by("pk"):
        ending = (row.file.name or "").removesuffix(".enc").rsplit(".", 1)[-1]
        with suppress(NotFound):
            yield f"{row.kind}-{row.pk}.{ending}", brought_file(row.file.name or "")
