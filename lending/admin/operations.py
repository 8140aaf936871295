"""The steps of the way: what is handled, what waits, what is stuck; and the answers kept for repeated requests."""

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextInputWidget

from lending import flow
from lending.admin import timeline
from lending.admin.people import CustomerSearch, customer
from lending.common import clock
from lending.common.admin import ExactSearch, ReadOnlyAdmin, age, instant, linked, short
from lending.common.errors import NotFound
from lending.common.logs import redact
from lending.models import Event, IdempotencyKey

AT_ONCE = 200


class StepFilter(admin.SimpleListFilter):
    title, parameter_name = "step", "step"
    WHERE: ClassVar[dict[str, dict[str, Any]]] = {
        "parked": {"parked_at__isnull": False},
        "failing": {"handled_at": None, "parked_at": None, "attempts__gt": 0},
        "waiting": {"handled_at": None, "parked_at": None},
        "done": {"handled_at__isnull": False},
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("parked", "Stuck"), ("failing", "Failing"), ("waiting", "Waiting"), ("done", "Done")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        return queryset.filter(**self.WHERE.get(self.value() or "", {}))


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label="What was the cause, and why will it work now?",
        min_length=5,
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
    )


@admin.register(Event)
class EventAdmin(CustomerSearch, ReadOnlyAdmin):
    list_display = (
        *("id", "step", "subject", "came_from", "became", "application_page", "who", "reason"),
        *("trouble", "waiting"),
    )
    list_filter = (StepFilter, "subject", "target", "occurred_at")
    list_select_related = ("application__user",)
    search_ids = ("application__public_id", "grant__public_id", "drawdown__public_id", "loan__public_id")
    search_customer = "application__user"
    fieldsets = (
        (None, {"fields": ("step", "subject", ("came_from", "became"), "who", "reason", ("happened", "handled"))}),
        ("Of", {"fields": ("application_page", "of_grant", "of_drawdown", "of_loan", "customer")}),
        ("Trouble", {"fields": (("attempts", "next_try"), "parked", "last_error")}),
    )
    actions = ("try_again",)
    actions_detail = ("try_this_again",)
    application_page = linked("application", text=short)
    of_grant, of_drawdown = linked("grant", text=short), linked("drawdown", text=short)
    of_loan = linked("loan", text=short)
    customer = customer("application.user")
    waiting, happened, handled = age("occurred_at"), instant("occurred_at"), instant("handled_at")
    parked, next_try = instant("parked_at"), instant("not_before", "not before")

    @admin.display(description="step", ordering="parked_at")
    def step(self, event: Event) -> SafeString:
        return timeline.step(event)

    @admin.display(description="to", ordering="target")
    def became(self, event: Event) -> SafeString:
        return timeline.target(event)

    @admin.display(description="from", ordering="source")
    def came_from(self, event: Event) -> str:
        return timeline.word(event, event.source)

    @admin.display(description="by", ordering="actor")
    def who(self, event: Event) -> str:
        return timeline.actor(event)

    def prepare(self, rows: Sequence[Event]) -> None:
        timeline.name_actors(rows)

    @admin.display(description="trouble")
    def trouble(self, event: Event) -> str:
        return redact(event.last_error[:60]) or "-"

    # --- trying again ---------------------------------------------------------------------------------------------

    def has_unpark_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("lending.unpark_event")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.try_again_view)
        return [path("try-again/", view, name="lending_event_try_again"), *super().get_urls()]

    @admin.action(description="Try again …", permissions=["unpark"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Event]) -> HttpResponse:
        parked = queryset.filter(parked_at__isnull=False).values_list("pk", flat=True)
        return _ask_why(list(parked[:AT_ONCE]))

    @action(description="Try again", url_path="try-this-again", permissions=["unpark"], icon="refresh")
    def try_this_again(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return _ask_why([object_id])

    def try_again_view(self, request: HttpRequest) -> HttpResponse:
        """GET asks why; POST hands every chosen step back to the flow and keeps who, what and why."""
        if not (self.has_unpark_permission(request) and self.has_view_permission(request)):
            raise PermissionDenied
        wanted = [int(text) for text in request.GET.get("ids", "").split(",") if text.isdigit()][:AT_ONCE]
        parked = Event.objects.filter(pk__in=wanted, parked_at__isnull=False).order_by("pk")
        form = ReasonForm(request.POST or None)
        if not parked:
            messages.info(request, "None of these steps is stuck.")
            return redirect("admin:lending_event_changelist")
        if form.is_valid():
            done = sum(self._unpark(request, event, form.cleaned_data["reason"]) for event in parked)
            messages.success(request, f"{done} of {len(parked)} will be tried again.")
            return redirect("admin:lending_event_changelist")
        shown = {
            **self.admin_site.each_context(request),
            "title": "Try again",
            "opts": self.opts,
            "form": form,
            "events": [(event, redact(event.last_error)) for event in parked],
            "back": reverse("admin:lending_event_changelist"),
        }
        return render(request, "admin/lending/try_again.html", shown)

    def _unpark(self, request: HttpRequest, event: Event, reason: str) -> bool:
        """False where somebody else was faster."""
        try:
            with transaction.atomic(durable=True):
                flow.unpark(event_id=event.pk, reason=reason, by=f"staff:{request.user.pk}", at=clock.now())
                self.log_change(request, event, f"Try again: {reason}")
        except NotFound:
            return False
        return True


def _ask_why(event_ids: list[int]) -> HttpResponseRedirect:
    return HttpResponseRedirect(f"{reverse('admin:lending_event_try_again')}?ids={','.join(map(str, event_ids))}")


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ExactSearch, ReadOnlyAdmin):
    list_display = ("key", "caller", "status_code", "asked", "waiting", "created")
    list_filter = ("status_code", "created_at")
    search_ids = ()
    search_codes = ("key", "caller")
    search_help_text = "A whole key, or a whole caller"
    ordering = ("-pk",)
    fields = ("key", "caller", "request_sha256", "status_code", "answer", "created")
    waiting, created = age("created_at"), instant("created_at")

    @admin.display(description="request")
    def asked(self, row: IdempotencyKey) -> str:
        return row.request_sha256[:12]

    @admin.display(description="answer")
    def answer(self, row: IdempotencyKey) -> SafeString:
        text = redact(json.dumps(row.response, ensure_ascii=False, indent=2))
        return format_html('<pre class="whitespace-pre-wrap text-xs">{}</pre>', text)
