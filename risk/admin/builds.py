"""Scorecards from data: asked for, watched, adjusted, saved as a draft."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from unfold.decorators import action

from lending.common import clock
from lending.common.admin import ReadOnlyAdmin, instant, linked, state_badge
from lending.common.errors import DomainError
from lending.common.shown import badge, right
from risk.admin import build_page
from risk.models import BuildState, Dataset, Scenario, ScorecardBuild
from risk.providers import binner
from risk.rules import scorecard
from risk.services import builds, drafts

STATES = {"pending": "amber", "running": "teal", "done": "green", "failed": "red", "cancelled": "grey"}


class BuildForm(forms.Form):
    """`variables` are the dataset's that a card of the scenario may have."""

    title = forms.CharField(required=False, max_length=120)
    variables = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)
    held_out_percent = forms.IntegerField(
        label="Held out, % of rows", initial=25, help_text="By the hash of a row's ref: the same rows in every build."
    )
    max_bins = forms.IntegerField(label="Most bins a variable", initial=5)
    min_percent = forms.IntegerField(label="Least rows of a bin, %", initial=5)
    monotone = forms.BooleanField(label="Bad rate rises or falls along the bins", initial=True, required=False)
    pdo = forms.IntegerField(label="Points that double the odds", initial=40)
    anchor_score = forms.IntegerField(label="Anchor score", initial=600)
    anchor_odds = forms.FloatField(label="Odds good to bad at the anchor", initial=20)
    bad_percent = forms.FloatField(
        label="Bad in the portfolio, %", required=False, help_text="Empty: as in the rows. Moves the base alone."
    )

    def __init__(self, *args: Any, dataset: Dataset, scenario: Scenario, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = builds.offered(dataset, scenario)
        known = {column["name"]: column["known"] for column in dataset.columns}
        field: Any = self.fields["variables"]
        field.choices = [(name, f"{name} ({known[name]:,})") for name, _ in offered]
        field.initial = [name for name, ticked in offered if ticked]

    @property
    def numbers(self) -> list[Any]:
        return [self[name] for name in self.fields if name not in ("variables", "monotone", "title")]


@admin.register(ScorecardBuild)
class ScorecardBuildAdmin(ReadOnlyAdmin):
    list_display = ("title", "badge", "dataset_link", "scenario", "auc", "made")
    list_filter = ("state", "scenario")
    list_select_related = ("dataset", "scenario")
    actions_list = ("build",)
    badge = state_badge("state", STATES, "state")
    dataset_link = linked("dataset")
    made = instant("created_at", "made")

    @admin.display(description="AUC held out")
    def auc(self, obj: ScorecardBuild) -> Any:
        return right(f"{obj.result['figures']['held_out']['auc']:.4f}" if obj.result else "-")

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site.admin_view
        return [
            path("new/", site(self.new_view), name="risk_build_new"),
            path("<int:pk>/adjust/", site(self.adjust_view), name="risk_build_adjust"),
            path("<int:pk>/cancel/", site(self.cancel_view), name="risk_build_cancel"),
            path("<int:pk>/draft/", site(self.draft_view), name="risk_build_draft"),
            *super().get_urls(),
        ]

    def has_build_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(drafts.WRITE)

    @action(description="Build a scorecard from data", url_path="to-build", permissions=["build"], icon="add")
    def build(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:risk_build_new")

    def new_view(self, request: HttpRequest) -> HttpResponse:
        """Choose a dataset, then what to build from it."""
        self._may_write(request)
        told = Dataset.objects.filter(has_outcome=True).select_related("scenario")
        chosen = told.filter(pk=request.GET["dataset"]).first() if request.GET.get("dataset", "").isdigit() else None
        code = request.GET.get("scenario") or (chosen.scenario.code if chosen and chosen.scenario else "credit")
        scenario = get_object_or_404(Scenario, code=code)
        form, refused = None, ""
        if chosen:
            form = BuildForm(request.POST or None, dataset=chosen, scenario=scenario)
            if form.is_valid():
                try:
                    with transaction.atomic(durable=True):
                        made = builds.start(
                            dataset_id=chosen.pk,
                            scenario=scenario.code,
                            title=form.cleaned_data["title"],
                            settings={name: value for name, value in form.cleaned_data.items() if name != "title"},
                            by=f"staff:{request.user.pk}",
                            at=clock.now(),
                        )
                    return redirect("admin:risk_scorecardbuild_change", made)
                except DomainError as error:
                    refused = error.detail
        shown = {
            "title": "Build a scorecard from data",
            "datasets": told,
            "chosen": chosen,
            "scenario": scenario,
            "scenarios": Scenario.objects.all(),
            "form": form,
            "refused": refused,
            "advice": "" if binner.is_installed() else binner.ADVICE,
        }
        return self._page(request, "risk/build_new.html", shown)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        if request.method == "POST":
            raise PermissionDenied  # changed by its own forms alone
        return self._build_page(request, row)

    def adjust_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self._may_write(request)
        asked = request.POST
        name, _, number = asked.get("act", "").partition(":")
        try:
            with transaction.atomic(durable=True):
                builds.adjust(
                    build_id=pk,
                    revision=_whole(asked.get("revision", "")),
                    variable=asked.get("variable", ""),
                    act=name,
                    number=_whole(number),
                    value=asked.get("value", ""),
                    by=f"staff:{request.user.pk}",
                )
        except DomainError as error:
            return self._build_page(request, self._row(pk), refused=error.detail, at=asked.get("variable", ""))
        place = reverse("admin:risk_scorecardbuild_change", args=[pk])
        return redirect(f"{place}#{asked.get('variable', '')}")

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self._may_write(request)
        if request.method == "POST":
            try:
                with transaction.atomic(durable=True):
                    builds.cancel(build_id=pk, by=f"staff:{request.user.pk}", at=clock.now())
                messages.success(request, "Cancelled.")
            except DomainError as error:
                messages.error(request, error.detail)
        return redirect("admin:risk_scorecardbuild_change", pk)

    def draft_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self._may_write(request)
        asked = request.POST
        try:
            with transaction.atomic(durable=True):
                draft = builds.save_as_draft(
                    build_id=pk,
                    key=asked.get("key", "").strip(),
                    title=asked.get("title", ""),
                    by=f"staff:{request.user.pk}",
                    at=clock.now(),
                )
        except DomainError as error:
            return self._build_page(request, self._row(pk), refused=error.detail, at="save")
        messages.success(request, "Saved as a draft. What is still missing is said below.")
        return redirect("admin:risk_draft_card", draft.pk)

    def _may_write(self, request: HttpRequest) -> None:
        if not self.has_build_permission(request):
            raise PermissionDenied

    def _row(self, pk: int) -> ScorecardBuild:
        return get_object_or_404(ScorecardBuild.objects.select_related("dataset", "scenario", "draft"), pk=pk)

    def _build_page(
        self, request: HttpRequest, row: ScorecardBuild, *, refused: str = "", at: str = ""
    ) -> HttpResponse:
        waits = row.state in (BuildState.PENDING, BuildState.RUNNING)
        shown = {
            "title": row.title,
            "build": row,
            "state": badge(STATES[row.state], row.get_state_display()),
            "waits": waits,
            "may": self.has_build_permission(request),
            "refused": refused,
            "refused_at": at,
            "page": build_page.of(row) if row.result else None,
            "age": scorecard.AGE,
        }
        answer = self._page(request, "risk/build.html", shown, status=422 if refused else 200)
        if waits:
            answer["Refresh"] = "2"
        return answer

    def _page(self, request: HttpRequest, template: str, shown: dict[str, Any], status: int = 200) -> HttpResponse:
        back = {"opts": self.opts, "back": reverse("admin:risk_scorecardbuild_changelist")}
        return render(request, template, {**self.admin_site.each_context(request), **back, **shown}, status=status)


def _whole(text: str) -> int:
    return int(text) if text.lstrip("-").isdigit() else -1
