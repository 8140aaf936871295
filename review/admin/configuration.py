from collections.abc import Sequence
from typing import Any

from django.contrib import admin

from lending.common.admin import ExactSearch, ReadOnlyAdmin
from review.models import CaseAction, Finding, Recusal, Reviewer
from users import queries as users


@admin.register(Finding)
class FindingAdmin(ReadOnlyAdmin):
    list_display = ["code", "action", "text_zh", "text_en"]
    list_filter = ["action"]
    search_fields = ["code", "text_zh", "text_en"]


@admin.register(Reviewer)
class ReviewerAdmin(ReadOnlyAdmin):
    list_display = ["user", "level", "skills", "languages", "active", "on_duty_since"]
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
