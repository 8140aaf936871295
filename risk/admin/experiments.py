"""Champion and challenger, shadows, and exemptions."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from unfold.decorators import action

from lending.common import clock
from lending.common.acting import Act, ActingAdmin
from lending.common.admin import day, instant, linked, short
from lending.common.composed import ComposedPage
from lending.common.shown import badge
from lending.models import Customer
from risk import queries, services
from risk.admin import fields
from risk.admin.asking import AskingAdmin
from risk.admin.strategy import PUT_IN_FORCE
from risk.models import Exemption, Experiment, ExperimentKind, Release, ReleaseForm
from users import queries as users

ASK, APPROVE = "risk.ask_exemption", "risk.approve_strategy"


def _releases() -> list[tuple[int, str]]:
    flows = Release.objects.filter(form=ReleaseForm.FLOW, emergency_until=None) | Release.objects.filter(
        form=ReleaseForm.RULE_SET, emergency_until=None
    )
    return [(row.pk, f"{row} ({row.scenario.code})") for row in flows.select_related("scenario")]


def _share() -> forms.DecimalField:
    return fields.number(
        "Share", "Per cent of the borrowers.", min_value=Decimal("0.01"), max_value=100, decimal_places=2
    )


class StartForm(forms.Form):
    name = fields.text("Name", "How people will speak of it.", max_length=80)
    kind = fields.choice("Kind", ExperimentKind.choices)
    release_id = fields.choice("Challenger", _releases, "Released, and not what serves already.")
    share = _share()
    product_code = fields.choice("Product", fields.products, required=False)
    channel_code = fields.text("Channel", "Code of the channel; empty: any.", required=False, max_length=20)
    segment = fields.choice("Segment", fields.segments, required=False)
    reason = fields.reason("What it shall show")


class RampForm(forms.Form):
    share = _share()
    reason = fields.reason()


@admin.register(Experiment)
class ExperimentAdmin(AskingAdmin, ComposedPage, ActingAdmin):
    list_display = ("name", "scenario", "serves", "kind", "challenger", "percent", "state", "started", "ended")
    list_filter = ("kind", "scenario")
    search_fields = ("name",)
    list_select_related = ("scenario", "challenger")
    change_form_outer_before_template = "risk/experiment.html"
    actions_list = ("begin",)
    actions_detail = ("to_share",)
    started, ended = instant("started_at"), instant("ended_at")
    acts = {
        "end": Act(
            title="End it",
            question="What did it show?",
            done="ended; the champion decides for everybody",
            permission=PUT_IN_FORCE,
            perform=lambda pk, **act: services.end_experiment(experiment_id=pk, **act),
            can=lambda row: row.ended_at is None,
            icon="stop_circle",
        )
    }

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("start/", view(self.start_view), name="risk_experiment_start"),
            path("<int:pk>/share/", view(self.ramp_view), name="risk_experiment_ramp"),
            *super().get_urls(),
        ]

    @admin.display(description="share")
    def percent(self, obj: Experiment) -> str:
        return f"{obj.share_bp / 100:g} %"

    @admin.display(description="serves")
    def serves(self, obj: Experiment) -> str:
        return obj.where

    @admin.display(description="state")
    def state(self, obj: Experiment) -> SafeString:
        return badge("grey", "ended") if obj.ended_at else badge("green", "running")

    @action(description="Start an experiment", url_path="begin", icon="science", permissions=["run"])
    def begin(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:risk_experiment_start")

    @action(description="Change the share", url_path="to-share", icon="tune", permissions=["run"])
    def to_share(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        return redirect("admin:risk_experiment_ramp", object_id)

    def has_run_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(PUT_IN_FORCE)

    def start_view(self, request: HttpRequest) -> HttpResponse:
        def perform(
            *, release_id: str, share: Decimal, product_code: str, channel_code: str, segment: str, **asked: Any
        ) -> str:
            release = Release.objects.select_related("scenario").get(pk=release_id)
            scope = services.Scope(
                release.scenario.code, product_code=product_code, channel_code=channel_code.strip(), segment=segment
            )
            row = services.start_experiment(release_id=release.pk, scope=scope, share_bp=int(share * 100), **asked)
            return self.page_address(row.pk)

        return self.ask(
            request,
            StartForm(request.POST or None, initial={"share": 10, "release_id": request.GET.get("release")}),
            title="Start an experiment",
            permission=PUT_IN_FORCE,
            perform=perform,
            done="Running.",
        )

    def ramp_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        def perform(*, share: Decimal, **asked: Any) -> str:
            services.ramp_experiment(experiment_id=pk, share_bp=int(share * 100), **asked)
            return self.page_address(pk)

        return self.ask(
            request,
            RampForm(request.POST or None),
            title="Change the share",
            permission=PUT_IN_FORCE,
            perform=perform,
            done="From now on. Nobody has left the challenger whom a larger share keeps in.",
            back=self.page_address(pk),
        )

    def composed(self, request: HttpRequest, pk: int) -> dict[str, Any]:
        row = Experiment.objects.select_related("scenario", "challenger").get(pk=pk)
        return {"title": row.name, "experiment": row, "comparison": queries.comparison(pk)}


class AskForm(forms.Form):
    borrower = forms.UUIDField(label="Borrower", help_text="The borrower's number, from the application's page.")
    rule = fields.choice("Rule", lambda: [(name, name) for name in services.exemptible_rules()])
    until = fields.day("Until", "The last day on which the rule does not count.")
    reason = fields.reason("Why")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["borrower"].widget = fields.text("").widget


@admin.register(Exemption)
class ExemptionAdmin(AskingAdmin, ActingAdmin):
    """Two people let one borrower past one rule, until a day."""

    list_display = ("rule", "borrower", "state", "until", "reason", "who_asked", "who_approved", "asked")
    list_filter = (("approved_at", admin.EmptyFieldListFilter), ("ended_at", admin.EmptyFieldListFilter))
    search_fields = ("rule",)
    list_select_related = ("user",)
    actions_list = ("begin",)
    fields = ("rule", "borrower", "state", "until", "reason", "who_asked", "asked", "who_approved", "ended_at")
    readonly_fields = ("borrower", "state", "until", "who_asked", "asked", "who_approved")
    borrower = linked("user", "borrower", short, page=Customer)
    until, asked = day("until_date"), instant("asked_at")
    acts = {
        "approve": Act(
            title="Approve",
            question="What did you check?",
            done="approved",
            permission=APPROVE,
            perform=lambda pk, **act: services.approve_exemption(exemption_id=pk, **act),
            can=lambda row: row.approved_at is None and row.ended_at is None,
            icon="verified",
        ),
        "end": Act(
            title="Refuse or take back",
            question="Why does the rule count?",
            done="ended",
            permission=ASK,
            perform=lambda pk, **act: services.end_exemption(exemption_id=pk, **act),
            can=lambda row: row.ended_at is None,
            icon="block",
        ),
    }

    def get_urls(self) -> list[URLPattern]:
        return [
            path("ask-for/", self.admin_site.admin_view(self.ask_view), name="risk_exemption_ask"),
            *super().get_urls(),
        ]

    @action(description="Ask for an exemption", url_path="begin", icon="add", permissions=["ask"])
    def begin(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:risk_exemption_ask")

    def has_ask_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(ASK)

    def ask_view(self, request: HttpRequest) -> HttpResponse:
        def perform(**asked: Any) -> str:
            return self.page_address(services.ask_exemption(**asked).pk)

        return self.ask(
            request,
            AskForm(request.POST or None, initial={"borrower": request.GET.get("borrower")}),
            title="Ask for an exemption",
            permission=ASK,
            perform=perform,
            done="Asked. A second person approves it.",
        )

    def prepare(self, rows: Sequence[Exemption]) -> None:
        names = users.actor_names(name for row in rows for name in (row.asked_by, row.approved_by) if name)
        for row in rows:
            row.people = names.get(row.asked_by, "-"), names.get(row.approved_by, "-")  # type: ignore[attr-defined]

    @admin.display(description="state")
    def state(self, obj: Exemption) -> SafeString:
        if obj.ended_at or obj.until_date < _today():
            return badge("grey", "ended")
        return badge("green", "holds") if obj.approved_at else badge("amber", "waits for approval")

    @admin.display(description="asked by")
    def who_asked(self, obj: Exemption) -> str:
        people = getattr(obj, "people", None) or (users.actor_name(obj.asked_by), "")
        return str(people[0])

    @admin.display(description="approved by")
    def who_approved(self, obj: Exemption) -> str:
        people = getattr(obj, "people", None)
        return str(people[1]) if people else users.actor_name(obj.approved_by) if obj.approved_by else "-"


def _today() -> date:
    return clock.business_date(clock.now())
