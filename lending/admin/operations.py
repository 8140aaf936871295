"""The steps of the way: what is handled, what waits, what is stuck; and the answers kept for repeated requests."""

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from lending import flow
from lending.admin import timeline
from lending.admin.people import CustomerSearch, customer
from lending.common.acting import Act, ActingAdmin
from lending.common.admin import ExactSearch, ReadOnlyAdmin, age, instant, linked, short
from lending.common.logs import redact
from lending.models import Event, IdempotencyKey


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


@admin.register(Event)
class EventAdmin(CustomerSearch, ActingAdmin):
    large = True
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
    acts = {
        "try_again": Act(
            title="Try again",
            question="What was the cause, and why will it work now?",
            done="will be tried again",
            permission="lending.unpark_event",
            perform=lambda pk, **why: flow.unpark(event_id=pk, **why),
            can=lambda event: event.parked_at is not None,
            icon="refresh",
        )
    }
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

    def act_details(self, row: Event) -> str:
        return f"tried {row.attempts} times: {redact(row.last_error[:300])}"


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
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
