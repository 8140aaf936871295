"""The register: scenarios, the releases that serve them, from when, and rolling back."""

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.decorators import action

from lending.common import clock
from lending.common.acting import Act, ActingAdmin
from lending.common.admin import ReadOnlyAdmin, instant, linked
from lending.common.composed import ComposedPage
from lending.common.shown import badge
from risk import queries, services
from risk.admin.asking import AskingAdmin
from risk.admin.drafts import WRITE
from risk.admin.editing import DrawnRelease
from risk.admin.shown import pretty
from risk.models import Binding, Release, Scenario
from users import queries as users

PUT_IN_FORCE = "risk.put_in_force"
COLOURS = {"serves": "green", "to come": "teal", "earlier": "grey", "cancelled": "grey", "retired": "amber"}


@admin.register(Scenario)
class ScenarioAdmin(ComposedPage, ReadOnlyAdmin):
    """The register by scenario: what decides where, since when, and what is about to."""

    list_display = ("code", "title_zh", "title_en", "in_force")
    search_fields = ("code", "title_zh", "title_en")
    change_form_outer_before_template = "risk/scenario.html"

    @admin.display(description="serves everywhere")
    def in_force(self, obj: Scenario) -> SafeString | str:
        release: str = getattr(obj, "release", "")
        return release or badge("red", "nothing: work is refused")

    def prepare(self, rows: Sequence[Scenario]) -> None:
        serving = queries.serves_everywhere(clock.now())
        for row in rows:
            row.release = serving.get(row.code, "")  # type: ignore[attr-defined]

    def composed(self, request: HttpRequest, pk: int) -> dict[str, Any]:
        scenario = Scenario.objects.get(pk=pk)
        return {
            "title": f"Scenario {scenario.code}",
            "scenario": scenario,
            "register": queries.register(scenario.code, clock.now()),
            "colours": COLOURS,
            "variables": queries.inputs_of(scenario.code),
            "schema": json.dumps(scenario.output_schema, indent=1, ensure_ascii=False),
            "may_write": request.user.has_perm(WRITE),
            "may_put": request.user.has_perm(PUT_IN_FORCE),
        }


class ServesFilter(admin.SimpleListFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("live", "In force or to come"), ("ended", "Cancelled or ended")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Binding]) -> QuerySet[Binding]:
        ended = ~Q(cancelled_at=None) | Q(in_force_until__lte=clock.now())
        match self.value():
            case "live":
                return queryset.exclude(ended)
            case "ended":
                return queryset.filter(ended)
        return queryset


@admin.register(Binding)
class BindingAdmin(ActingAdmin):
    list_display = ("strategy", "role", "serves", "state", "since", "until", "who", "reason")
    list_filter = (ServesFilter, "scenario", "role")
    search_fields = ("release__key", "reason")
    list_select_related = ("release", "scenario")
    fields = ("scenario", "role", "serves", "state", "release", "since", "until", "who", "reason", "created_at")
    readonly_fields = ("serves", "state", "since", "until", "who")
    since, until = instant("in_force_from", "from"), instant("in_force_until", "until")
    acts = {
        "roll_back": Act(
            title="Roll back",
            question="Why does the version before serve again?",
            done="rolled back; the version before serves from now on",
            permission=PUT_IN_FORCE,
            perform=lambda pk, **act: services.roll_back(binding_id=pk, **act),
            can=lambda row: _state(row) == "serves",
            icon="undo",
        ),
        "retire": Act(
            title="Retire",
            question="Why does this scope end?",
            done="retired; the wider scope serves",
            permission=PUT_IN_FORCE,
            perform=lambda pk, **act: services.retire(binding_id=pk, **act),
            can=lambda row: _state(row) == "serves" and row.where != "everywhere",
            icon="logout",
        ),
        "cancel": Act(
            title="Cancel",
            question="Why shall it not come into force?",
            done="cancelled",
            permission=PUT_IN_FORCE,
            perform=lambda pk, **act: services.cancel_binding(binding_id=pk, **act),
            can=lambda row: _state(row) == "to come",
            icon="event_busy",
        ),
    }

    def prepare(self, rows: Sequence[Binding]) -> None:
        states, names = queries.states_of(rows, clock.now()), users.actor_names(row.by for row in rows)
        for row in rows:
            row.told = states[row.pk], names[row.by]  # type: ignore[attr-defined]

    @admin.display(description="strategy")
    def strategy(self, obj: Binding) -> str:
        return f"{obj.scenario.code}: {obj.release or 'retired'}"

    @admin.display(description="serves")
    def serves(self, obj: Binding) -> str:
        return obj.where

    @admin.display(description="state")
    def state(self, obj: Binding) -> SafeString:
        found, _ = getattr(obj, "told", None) or (_state(obj), "")
        return badge(COLOURS[found], found)

    @admin.display(description="by")
    def who(self, obj: Binding) -> str:
        _, name = getattr(obj, "told", None) or ("", users.actor_name(obj.by))
        return name


def _state(row: Binding) -> str:
    return queries.states_of([row], clock.now())[row.pk]


@admin.register(Release)
class ReleaseAdmin(DrawnRelease, AskingAdmin, ReadOnlyAdmin):
    list_display = ("key", "version", "form", "scenario", "short_hash", "who_wrote", "who_approved", "released")
    list_filter = ("form", "scenario", "key")
    search_fields = ("key", "sha256", "closure_sha256")
    list_select_related = ("scenario",)
    actions_detail = ("to_fork", "draw")
    fields = (
        *("key", "version", "form", "scenario", "submission_link", "who_wrote", "who_approved", "released"),
        *("emergency_until", "sha256", "closure_sha256", "engine", "pinned", "authored_text", "graph_text"),
    )
    readonly_fields = ("submission_link", "who_wrote", "who_approved", "pinned", "authored_text", "graph_text")
    released = instant("released_at")
    submission_link = linked("submission", "submission")

    def get_urls(self) -> list[URLPattern]:
        return [
            path("<int:pk>/fork/", self.admin_site.admin_view(self.fork_view), name="risk_release_fork"),
            *super().get_urls(),
        ]

    @action(description="Write a draft from it", url_path="write", icon="edit_document", permissions=["write"])
    def to_fork(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        return redirect("admin:risk_release_fork", object_id)

    def has_write_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(WRITE)

    def fork_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        def perform(**asked: Any) -> str:
            return reverse("admin:risk_draft_change", args=[services.fork_release(release_id=pk, **asked).pk])

        return self.ask(
            request,
            forms.Form(request.POST if request.method == "POST" else None),
            title="Write a draft that begins as this release",
            permission=WRITE,
            perform=perform,
            done="Begun.",
            back=self.page_address(pk),
        )

    def prepare(self, rows: Sequence[Release]) -> None:
        names = users.actor_names(name for row in rows for name in (row.author, row.approver))
        for row in rows:
            row.people = names[row.author], names[row.approver]  # type: ignore[attr-defined]

    @admin.display(description="hash")
    def short_hash(self, obj: Release) -> str:
        return obj.sha256[:12]

    @admin.display(description="written by")
    def who_wrote(self, obj: Release) -> str:
        people = getattr(obj, "people", None) or (users.actor_name(obj.author), "")
        return str(people[0])

    @admin.display(description="approved by")
    def who_approved(self, obj: Release) -> str:
        people = getattr(obj, "people", None) or ("", users.actor_name(obj.approver))
        return str(people[1])

    @admin.display(description="asks")
    def pinned(self, obj: Release) -> str:
        rows = Release.objects.filter(pk__in=obj.pins.values())
        return ", ".join(map(str, rows)) or "-"

    @admin.display(description="authored form")
    def authored_text(self, obj: Release) -> SafeString | str:
        return pretty(obj.authored) if obj.authored else "-"

    @admin.display(description="graph")
    def graph_text(self, obj: Release) -> SafeString:
        return pretty(obj.graph)
