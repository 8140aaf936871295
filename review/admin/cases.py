"""The desk: the list of cases, "Next case", the page of a case, and a form for each action."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from lending import queries as lending
from lending.common import clock
from lending.common.admin import ExactSearch, ReadOnlyAdmin, age, money, state_badge
from lending.common.errors import DomainError, Invalid
from review import queries, services
from review.admin import page
from review.admin.acts import ACTS, Act
from review.models import Case
from review.rules import priority
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
                return open_cases.filter(due_at__lte=now)
            case "at_risk":
                return open_cases.filter(at_risk_at__lte=now, due_at__gt=now)
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
class CaseAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ("application__public_id",)
    list_display = [
        "number",
        "queue",
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
    list_filter = ["queue", "status", DueFilter, MineFilter, "outcome", "is_exception", "is_appeal", "grade"]
    list_select_related = ["queue", "claimed_by"]
    list_before_template = "review/desk.html"
    change_form_outer_before_template = "review/case.html"

    state = state_badge("status", COLOURS, description="状态 Status")
    result = state_badge("outcome", OUTCOMES, description="结果 Outcome")
    amount = money("amount_cents", description="金额 Amount")
    waiting_for = age("opened_at", description="等待 Age")

    @admin.display(description="案件 Case", ordering="pk")
    def number(self, case: Case) -> str:
        return f"#{case.pk}"

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
        return str(priority.priority(at=clock.now(), due_at=case.due_at, opened_at=case.opened_at, bonus=case.bonus))

    @admin.display(description="持有人 Held by", ordering="claimed_by")
    def holder(self, case: Case) -> str:
        return case.claimed_by.get_full_name() if case.claimed_by else "-"

    # --- who may look; who may act is decided in the services -----------------------------------------------------

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) or _is_reader(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) or _is_reader(request)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return []  # `review/case.html` shows the case

    # --- pages ----------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("next/", wrap(self.next_view), name="review_case_next"),
            path("<int:case_id>/act/<slug:name>/", wrap(self.act_view), name="review_case_act"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        desk = {"queues": queries.queues(clock.now()), "mine": queries.cases_held_by(_user_id(request))}
        return super().changelist_view(request, (extra_context or {}) | desk)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        if not self.has_view_permission(request):
            return super().change_view(request, object_id, form_url, extra_context)
        case = queries.case(int(object_id)) if object_id.isdigit() else None
        if case is None:
            raise Http404
        if case.claimed_by_id == _user_id(request):
            self._keep_lease(request, case.id)
        shown = page.context(case, user_id=_user_id(request), at=clock.now())
        return super().change_view(request, object_id, form_url, (extra_context or {}) | shown)

    def _keep_lease(self, request: HttpRequest, case_id: int) -> None:
        """Looking at one's case is activity. Says so where the case or the application has moved on."""
        try:
            with transaction.atomic(durable=True):
                services.extend_lease(case_id=case_id, by_id=_user_id(request), at=clock.now())
        except DomainError as error:
            messages.warning(request, error.detail)

    def next_view(self, request: HttpRequest) -> HttpResponse:
        """Claim the most urgent case and open it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            with transaction.atomic(durable=True):
                case_id = services.claim_next(
                    by_id=_user_id(request), at=clock.now(), queue=request.POST.get("queue") or None
                )
        except DomainError as error:
            messages.error(request, error.detail)
            return redirect("admin:review_case_changelist")
        if case_id is None:
            messages.info(request, _("Nothing waits for you, or five cases are open already."))
            return redirect("admin:review_case_changelist")
        return redirect("admin:review_case_change", case_id)

    def act_view(self, request: HttpRequest, case_id: int, name: str) -> HttpResponse:
        """The form of one action; posted, it calls that action's service."""
        case, act, at = queries.case(case_id), ACTS.get(name), clock.now()
        if case is None or act is None or not self.has_view_permission(request):
            raise Http404
        application = lending.application(case.application_id)
        form = act.form(request.POST or None, application=application, at=at)
        if request.method == "POST" and form.is_valid() and _carry_out(act, form, case_id, request, at):
            messages.success(request, _("Done: %s.") % act.title)
            return redirect("admin:review_case_change", case_id)
        shown = {
            **self.admin_site.each_context(request),
            "title": act.title,
            "opts": self.opts,
            "case": case,
            "form": form,
            "media": self.media + form.media,
            "back": reverse("admin:review_case_change", args=[case_id]),
        }
        return render(request, "review/act.html", shown)


def _carry_out(act: Act, form: Any, case_id: int, request: HttpRequest, at: datetime) -> bool:
    """False where it was refused; the form then says why."""
    try:
        with transaction.atomic(durable=True):
            act.service(case_id=case_id, by_id=_user_id(request), at=at, **form.values())
    except DomainError as error:
        fields = error.fields if isinstance(error, Invalid) else {}
        detail = "; ".join([error.detail, *(f"{field}: {text}" for field, text in fields.items())])
        form.add_error(None, forms.ValidationError(detail))
        return False
    return True


def _is_reader(request: HttpRequest) -> bool:
    return Group.objects.filter(user=_user_id(request), name__in=READERS).exists()


def _user_id(request: HttpRequest) -> int:
    """Of the signed-in account; 0, nobody's, for a stranger."""
    return request.user.pk or 0
