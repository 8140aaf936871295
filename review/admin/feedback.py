"""Where people judged against the machine, by rule, and the drafts that came of it."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from lending.common import clock, period
from lending.common.admin import ReadOnlyAdmin, instant
from lending.common.shown import page_link
from review.models import Override, OverrideBrief
from review.queries.quality import OverrideRow, overrides

SHOWN_DAYS = 90


@admin.register(Override)
class OverrideAdmin(ReadOnlyAdmin):
    large = True
    list_display = ["created", "case", "subject", "outcome", "reviewer", "decision", "brief"]
    list_filter = ["outcome"]
    list_select_related = ["case", "reviewer", "brief"]
    list_before_template = "review/overrides.html"
    created = instant("created_at", description="时间 When")

    @admin.display(description="机审 Decision")
    def decision(self, row: Override) -> SafeString | str:
        return page_link("risk.decision", row.decision_id, f"#{row.decision_id}") if row.decision_id else "-"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        today = clock.business_date(clock.now())
        span = period.Period(today - timedelta(days=SHOWN_DAYS), today, SHOWN_DAYS)
        found = overrides(since=span.since, until=span.until)
        shown = {"span": span, "overridden": [(row, _links(row)) for row in found]}
        return super().changelist_view(request, (extra_context or {}) | shown)


def _links(row: OverrideRow) -> dict[str, Any]:
    return {
        "brief": page_link("review.overridebrief", row.brief_id, f"#{row.brief_id}") if row.brief_id else "-",
        "draft": page_link("risk.draft", row.draft_id, f"#{row.draft_id}") if row.draft_id else "-",
        "backtest": page_link("risk.backtest", row.backtest_id, f"#{row.backtest_id}") if row.backtest_id else "-",
        "cases": [page_link("review.case", pk, f"#{pk}") for pk in row.cases],
    }


@admin.register(OverrideBrief)
class OverrideBriefAdmin(ReadOnlyAdmin):
    list_display = ["created", "subject", "counted", "draft", "backtest"]
    fields = ["subject", "counted", "first_at", "created_at", "draft", "backtest", "told"]
    readonly_fields = ["draft", "backtest"]
    created = instant("created_at", description="时间 When")

    @admin.display(description="草稿 Draft")
    def draft(self, row: OverrideBrief) -> SafeString | str:
        return page_link("risk.draft", row.draft_id, f"#{row.draft_id}") if row.draft_id else "-"

    @admin.display(description="回测 Backtest")
    def backtest(self, row: OverrideBrief) -> SafeString | str:
        return page_link("risk.backtest", row.backtest_id, f"#{row.backtest_id}") if row.backtest_id else "-"
