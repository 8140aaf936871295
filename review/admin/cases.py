"""The list of cases and queues; the page of a case is `review.admin.desk`."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, QueryDict
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from lending.common import clock
from lending.common.admin import ExactSearch, ReadOnlyAdmin, age, money, state_badge
from lending.common.errors import DomainError
from review import queries, services
from review.admin import batch
from review.admin.desk import CaseDesk
from review.admin.desk.views import user_id
from review.models import Case
from review.rules import priority
from review.services import queue_settings
from review.services.gate import REVIEW_GROUPS

COLOURS = {
    "WAITING_INITIAL": "amber",
    "WAITING_FINAL": "amber",
    "IN_INITIAL": "teal",
    "IN_FINAL": "teal",
    "SUPPLEMENT": "grey",
    "SUSPENDED": "grey",
    "CLOSED": "grey",
}
OUTCOMES = {"approve": "green", "decline": "red", "void": "grey"}
READERS = (*REVIEW_GROUPS, "compliance", "auditor")


class DueFilter(admin.SimpleListFilter):
    title, parameter_name = "时限 Due", "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("late", "已超时 Late"), ("at_risk", "将超时 At risk"), ("in_time", "正常 In time")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        now, open_cases = clock.now(), queryset.filter(closed_at=None)
        match self.value():
            case "late":
                return open_cases.filter(paused_at=None, due_at__lte=now)
            case "at_risk":
                return open_cases.filter(paused_at=None, at_risk_at__lte=now, due_at__gt=now)
            case "in_time":
                return open_cases.filter(at_risk_at__gt=now)
        return queryset


class MineFilter(admin.SimpleListFilter):
    title, parameter_name = "持有人 Held by", "held"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("me", "我 Me"), ("nobody", "无 Nobody")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        match self.value():
            case "me":
                return queryset.filter(claimed_by=request.user.pk)
            case "nobody":
                return queryset.filter(claimed_by=None, closed_at=None)
        return queryset


@admin.register(Case)
class CaseAdmin(CaseDesk, ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ("application__public_id",)
    list_display = [
        "number",
        "lateness",
        "waits_in",
        "state",
        "result",
        "grade",
        "amount",
        "flags",
        "waiting_for",
        "due",
        "priority",
        "holder",
    ]
    list_filter = [
        "queue",
        "stage",
        "status",
        DueFilter,
        MineFilter,
        "product_code",
        "grade",
        "channel_code",
        "language",
        "outcome",
        "is_exception",
        "is_appeal",
    ]
    list_select_related = ["queue", "claimed_by"]
    actions = ["to_batch"]
    list_before_template = "review/desk.html"

    class Media:
        css = {"all": ("lending/office.css", "review/desk.css")}
        js = (forms.Script("review/desk.js", defer=True),)

    lateness = state_badge("attention", {1: "amber", 2: "red"}, description="时限 Clock")
    state = state_badge("status", COLOURS, description="状态 Status")
    result = state_badge("outcome", OUTCOMES, description="结果 Outcome")
    amount = money("amount_cents", description="金额 Amount")
    waiting_for = age("opened_at", description="等待 Age")

    @admin.display(description="案件 Case", ordering="pk")
    def number(self, case: Case) -> str:
        return f"#{case.pk}"

    @admin.display(description="队列 Queue", ordering="queue")
    def waits_in(self, case: Case) -> str:
        return format_html('<span class="whitespace-nowrap">{}</span>', case.queue.code)

    @admin.display(description="标记 Flags")
    def flags(self, case: Case) -> str:
        marks = ["例外 exception"] * case.is_exception + ["复议 appeal"] * case.is_appeal
        return " · ".join(marks) or "-"

    @admin.display(description="距截止 Due", ordering="due_at")
    def due(self, case: Case) -> str:
        if case.closed_at is not None or case.paused_at is not None:
            return "-"
        minutes = int((case.due_at - clock.now()).total_seconds() // 60)
        span = f"{abs(minutes) // 60} h {abs(minutes) % 60} min" if abs(minutes) >= 60 else f"{abs(minutes)} min"
        return f"超时 late {span}" if minutes < 0 else span

    @admin.display(description="优先级 Priority", ordering="-rank")
    def priority(self, case: Case) -> str:
        if case.closed_at is not None or case.paused_at is not None:
            return "-"
        return str(
            priority.priority(
                at=clock.now(),
                due_at=case.due_at,
                opened_at=case.opened_at,
                bonus=case.bonus,
                ageing_minutes=case.queue.ageing_minutes,
            )
        )

    @admin.display(description="持有人 Held by", ordering="claimed_by")
    def holder(self, case: Case) -> str:
        return case.claimed_by.get_full_name() if case.claimed_by else "-"

    # --- who may look; who may act is decided in the services -----------------------------------------------------

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) or _is_reader(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) or _is_reader(request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        desk = {
            "queues": queries.queues(clock.now()),
            "mine": queries.cases_held_by(user_id(request)),
            "me": queries.reviewer(user_id(request)),
            "views": queries.saved_filters(user_id(request)),
            "present_view": request.GET.urlencode(),
        }
        return super().changelist_view(request, (extra_context or {}) | desk)

    def get_urls(self) -> list[URLPattern]:
        duty = self.admin_site.admin_view(self.duty_view)
        views = self.admin_site.admin_view(self.views_view)
        return [
            path("duty/", duty, name="review_case_duty"),
            path("batch/", self.admin_site.admin_view(self.batch_view), name="review_case_batch"),
            path("views/", views, name="review_case_views"),
            *super().get_urls(),
        ]

    def batch_view(self, request: HttpRequest) -> HttpResponse:
        return batch.batch_view(self, request)

    @admin.action(description="批量处理 Decide in a batch", permissions=["batch"])
    def to_batch(self, request: HttpRequest, queryset: QuerySet[Case]) -> HttpResponse:
        return batch.to_batch(self, request, queryset)

    def has_batch_permission(self, request: HttpRequest) -> bool:
        """The button; the services decide."""
        return queries.reviewer(user_id(request)) is not None

    def views_view(self, request: HttpRequest) -> HttpResponse:
        """Keep the filters of the list under a name, or drop one that was kept."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        name, query = request.POST.get("name", ""), request.POST.get("query", "")
        try:
            with transaction.atomic(durable=True):
                queue_settings.change_filters(
                    by_id=user_id(request), name=name, query=query, drop="drop" in request.POST
                )
        except DomainError as error:
            messages.error(request, error.detail)
        shown = "" if "drop" in request.POST else f"?{QueryDict(query).urlencode()}"
        return redirect(reverse("admin:review_case_changelist") + shown)

    def duty_view(self, request: HttpRequest) -> HttpResponse:
        """Say that one is at one's desk, or leaves it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        there = request.POST.get("duty") == "on"
        try:
            with transaction.atomic(durable=True):
                services.duty.say(by_id=user_id(request), there=there, at=clock.now())
        except DomainError as error:
            messages.error(request, error.detail)
        return redirect("admin:review_case_changelist")


def _is_reader(request: HttpRequest) -> bool:
    return Group.objects.filter(user=user_id(request), name__in=READERS).exists()
