from collections.abc import Sequence
from typing import Any

from django.contrib import admin

from lending.common.admin import ExactSearch, ReadOnlyAdmin, money
from review.models import AuthorityRule, CaseAction, Finding, Queue, Recusal, Reviewer
from users import queries as users


@admin.register(Queue)
class QueueAdmin(ReadOnlyAdmin):
    list_display = ["code", "name_zh", "stage", "takes", "opens", "closes", "workdays_only", "due_minutes", "skill"]
    list_filter = ["stage"]
    search_fields = ["code", "name_zh"]


@admin.register(AuthorityRule)
class AuthorityAdmin(ReadOnlyAdmin):
    list_display = ["version", "column", "amount", "initial", "final"]
    list_filter = ["version", "column"]
    amount = money("amount_to_cents", description="上限 Up to")

    @admin.display(description="初审 Initial")
    def initial(self, rule: AuthorityRule) -> str:
        return f"R{rule.initial_level}" if rule.initial_level else "不允许 not allowed"

    @admin.display(description="终审 Final")
    def final(self, rule: AuthorityRule) -> str:
        if rule.final_level:
            return f"R{rule.final_level}"
        return "独立 alone" if rule.initial_level else "-"


@admin.register(Finding)
class FindingAdmin(ReadOnlyAdmin):
    list_display = ["code", "action", "text_zh", "text_en"]
    list_filter = ["action"]
    search_fields = ["code", "text_zh", "text_en"]


@admin.register(Reviewer)
class ReviewerAdmin(ReadOnlyAdmin):
    list_display = ["user", "level", "skills", "active"]
    list_filter = ["level", "active"]
    search_fields = ["user__username", "user__full_name"]
    list_select_related = ["user"]
    exclude = ["phone_index", "id_index"]


@admin.register(Recusal)
class RecusalAdmin(ReadOnlyAdmin):
    list_display = ["reviewer", "borrower", "relation", "created_at"]
    list_filter = ["relation"]
    list_select_related = ["reviewer", "borrower"]


@admin.register(CaseAction)
class ActionAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ("case__application__public_id",)
    search_codes = ("actor",)
    list_display = ["occurred_at", "case", "action", "who", "source", "target", "outcome", "reasons"]
    list_filter = ["action", "outcome"]
    list_select_related = ["case"]

    @admin.display(description="操作人 By", ordering="actor")
    def who(self, row: CaseAction) -> str:
        return getattr(row, "actor_name", None) or users.actor_name(row.actor)

    def prepare(self, rows: Sequence[CaseAction]) -> None:
        names = users.actor_names(row.actor for row in rows)
        for row in rows:
            row.actor_name = names[row.actor]  # type: ignore[attr-defined]

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).order_by("-id")
