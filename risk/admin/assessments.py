"""What was decided, on which data; a decision is replayed when it is looked at."""

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from lending.common.acting import Act, ActingAdmin
from lending.common.admin import ExactSearch, ReadOnlyAdmin, ReadOnlyInline, age, money, state_badge
from risk import services
from risk.admin.editing import DrawnDecision
from risk.admin.lineage import WithLineage
from risk.admin.shown import pretty
from risk.models import Assessment, DataPull, Decision
from risk.services.answers import MAY_READ_AGAIN

STATES = {"pending": "amber", "done": "green", "cancelled": "grey", "answered": "green", "dead": "red"}
OUTCOMES = {"approve": "green", "refer": "amber", "decline": "red"}


class PullInline(ReadOnlyInline):
    model = DataPull
    fields = ("source_code", "stage", "state", "latency_ms", "price", "failure", "reused_from", "settled_at")
    readonly_fields = fields
    price = money("price_cents", "price")


class DecisionInline(ReadOnlyInline):
    model = Decision
    fields = ("step", "release", "outcome", "grade", "score", "reasons", "spend", "decided_at")
    readonly_fields = fields
    show_change_link = True
    spend = money("spend_cents", "spend")


@admin.register(Assessment)
class AssessmentAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ("application__public_id", "drawdown__public_id", "user__public_id")
    list_display = (
        "pk",
        "kind",
        "application",
        "drawdown",
        "badge",
        "verdict",
        "spend",
        "attempts",
        "waiting",
        "finished_at",
    )
    list_filter = ("state", "outcome", "kind", "as_of_date")
    list_select_related = ("application", "drawdown")
    raw_id_fields = ("application", "drawdown", "user")
    exclude = ("state", "outcome", "spend_cents")
    readonly_fields = ("badge", "verdict", "spend")
    inlines = (DecisionInline, PullInline)
    badge = state_badge("state", STATES, "state")
    verdict = state_badge("outcome", OUTCOMES, "outcome")
    spend = money("spend_cents", "spend")
    waiting = age("created_at")


@admin.register(DataPull)
class DataPullAdmin(ExactSearch, ActingAdmin):
    """The raw answer is personal data and is not shown; the variables read from it stand in the decision.

    In quarantine lies what could not be read: mend the catalogue or the adapter, then read it again.
    """

    large = True
    search_ids = ("assessment__application__public_id",)
    search_codes = ("key",)
    list_display = ("pk", "source_code", "stage", "badge", "latency_ms", "price", "failure", "attempts", "settled_at")
    list_filter = ("state", "quarantined", "source_code", "stage", ("reused_from", admin.EmptyFieldListFilter))
    list_select_related = ("source",)
    fields = (
        *list_display[1:],
        "key",
        "assessment",
        "consent",
        "recipient",
        "answers_for",
        "reused_from",
        "quarantined",
        "created_at",
        "purged_at",
    )
    readonly_fields = ("badge", "price")
    acts = {
        "read_again": Act(
            title="Read the answer again",
            question="What was mended, so that it can be read now?",
            done="read; what is decided from now on may use it",
            permission=MAY_READ_AGAIN,
            perform=lambda pk, **why: services.read_again(pull_id=pk, **why),
            can=lambda pull: pull.quarantined,
            icon="replay",
        )
    }
    badge = state_badge("state", STATES, "state")
    price = money("price_cents", "price")


@admin.register(Decision)
class DecisionAdmin(DrawnDecision, WithLineage, ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ("public_id", "assessment__application__public_id")
    list_display = (
        "public_id",
        "step",
        "release",
        "badge",
        "grade",
        "score",
        "limit",
        "reasons",
        "spend",
        "decided_at",
    )
    list_filter = ("outcome", "scenario", "step", "grade", "as_of_date", "release")
    list_select_related = ("release",)
    fields = (
        *("public_id", "assessment", "scenario", "step", "release", "engine", "as_of_date", "badge", "grade", "score"),
        *("limit", "annual_rate", "reasons", "points_lost", "tags", "spend", "latency_us", "decided_at"),
        *("experiment", "arm", "replayed", "hits_text", "output_text", "trace_text"),
    )
    readonly_fields = ("badge", "limit", "spend", "points_lost", "replayed", "hits_text", "output_text", "trace_text")
    actions = ("replay",)
    actions_detail = ("draw",)
    badge = state_badge("outcome", OUTCOMES, "outcome")
    limit = money("limit_cents", "limit")
    spend = money("spend_cents", "spend")

    @admin.display(description="replayed now")
    def replayed(self, obj: Decision) -> str:
        told = services.replay(decision_id=obj.pk)
        if told.same:
            return f"same bytes, {told.engine_now}"
        return f"DIFFERENT: stored by {told.engine_stored}, replayed by {told.engine_now}: {told.replayed}"

    @admin.display(description="points lost, by reason")
    def points_lost(self, obj: Decision) -> str:
        lost = json.loads(obj.output).get("lost") or {}
        ranked = sorted(lost.items(), key=lambda found: -found[1])
        return " · ".join(f"{code} {points}" for code, points in ranked if points) or "-"

    @admin.display(description="rules that hit")
    def hits_text(self, obj: Decision) -> SafeString:
        return pretty(obj.hits)

    @admin.display(description="output")
    def output_text(self, obj: Decision) -> SafeString:
        return pretty(json.loads(obj.output))

    @admin.display(description="trace of the replay")
    def trace_text(self, obj: Decision) -> SafeString:
        return pretty(services.replay(decision_id=obj.pk, trace=True).trace)

    @admin.action(description="Replay and compare the bytes", permissions=["view"])
    def replay(self, request: HttpRequest, queryset: QuerySet[Decision]) -> None:
        told: list[Any] = [services.replay(decision_id=pk) for pk in queryset.values_list("pk", flat=True)]
        different = [str(row.decision_id) for row in told if not row.same]
        if different:
            messages.error(request, f"{len(different)} of {len(told)} differ: {', '.join(different)}")
        else:
            messages.success(request, f"{len(told)} replayed, the same bytes each.")
