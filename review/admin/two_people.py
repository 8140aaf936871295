"""What one person drafts and another puts in force, as lists and pages show it."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin

from lending.common.acting import Act, ActingAdmin
from lending.common.admin import instant, state_badge
from users import queries as users


def decisions(
    *, question: str, approve: Callable[..., Any], approver: str, discard: Callable[..., Any], drafter: str
) -> dict[str, Act]:
    """The two ends of a draft, each with the permission it needs."""
    return {
        "approve": Act(
            title="批准 Approve",
            question=question,
            done="put in force",
            permission=approver,
            perform=approve,
            can=lambda row: row.state == "draft",
            icon="verified",
        ),
        "discard": Act(
            title="作废 Discard",
            question="Why is it dropped?",
            done="discarded",
            permission=drafter,
            perform=discard,
            can=lambda row: row.state == "draft",
            icon="delete",
        ),
    }


class TwoPersonAdmin(ActingAdmin):
    list_filter: Any = ["state"]
    state_shown = state_badge("state", {"draft": "amber", "approved": "green"}, description="状态 State")
    drafted = instant("drafted_at", "起草 Drafted")
    decided = instant("decided_at", "决定 Decided")

    @admin.display(description="起草人 Author")
    def author(self, row: Any) -> str:
        return str(row.names[row.drafted_by])

    @admin.display(description="决定人 Decided by")
    def decider(self, row: Any) -> str:
        return str(row.names[row.decided_by]) if row.decided_by else "-"

    def prepare(self, rows: Sequence[Any]) -> None:
        names = users.actor_names(by for row in rows for by in (row.drafted_by, row.decided_by) if by)
        for row in rows:
            row.names = names
