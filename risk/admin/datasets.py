"""Datasets: the list, the ways to get one, what a dataset holds, and its rows as a file for whoever says why."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from lending.common import clock
from lending.common.acting import ReasonForm
from lending.common.admin import ReadOnlyAdmin, instant, state_badge
from lending.common.errors import DomainError
from lending.common.shown import right
from risk import queries
from risk.models import Dataset, Scenario
from risk.services import datasets
from users.services import access

FILE = "w-full max-w-2xl border border-base-200 dark:border-base-700 rounded-default px-3 py-2"
SOURCES = {"upload": "teal", "decisions": "green", "sample": "grey"}


class _ScenarioForm(forms.Form):
    scenario = forms.ChoiceField(widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["scenario"]
        codes = list(Scenario.objects.values_list("code", flat=True))
        field.choices = [*([] if field.required else [("", "any")]), *((code, code) for code in codes)]
        if field.required and "credit" in codes:
            field.initial = "credit"


class UploadForm(_ScenarioForm):
    name = forms.CharField(max_length=120, widget=UnfoldAdminTextInputWidget)
    scenario = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget)
    file = forms.FileField(widget=forms.FileInput(attrs={"accept": ".csv,text/csv", "class": FILE}))
    field_order = ("name", "scenario", "file")


class SampleForm(_ScenarioForm):
    pass


class DecisionsForm(_ScenarioForm):
    since = forms.DateField(widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}))
    until = forms.DateField(widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}))
    months_on_book = forms.IntegerField(
        label="Months on book before a loan counts as good",
        min_value=0,
        max_value=60,
        initial=datasets.MONTHS_ON_BOOK,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "number", "min": 0, "max": 60}),
    )


WAYS: dict[str, type[forms.Form]] = {"upload": UploadForm, "decisions": DecisionsForm, "sample": SampleForm}


@admin.register(Dataset)
class DatasetAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "scenario", "how_many", "told", "bad_share", "made")
    list_filter = ("source", "scenario", "has_outcome")
    list_select_related = ("scenario",)
    actions_list = ("get",)
    actions_detail = ("download",)
    change_form_outer_before_template = "risk/dataset.html"
    kind = state_badge("source", SOURCES, "source")
    made = instant("created_at", "made")

    @admin.display(description="rows", ordering="row_count")
    def how_many(self, obj: Dataset) -> SafeString:
        return right(f"{obj.row_count:,}")

    @admin.display(description="with outcome", ordering="outcome_count")
    def told(self, obj: Dataset) -> SafeString:
        return right(f"{obj.outcome_count:,}")

    @admin.display(description="bad rate")
    def bad_share(self, obj: Dataset) -> SafeString:
        return right("-" if obj.bad_rate is None else f"{obj.bad_rate:.1%}")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return []  # the template shows the page

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        shown = {"dataset": queries.dataset(row.pk)} if row and self.has_view_permission(request, row) else {}
        answer: HttpResponse = super().change_view(request, object_id, form_url, (extra_context or {}) | shown)
        return answer

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site.admin_view
        return [
            path("get/", site(self.get_view), name="risk_dataset_new"),
            path("get/<slug:way>/", site(self.get_view), name="risk_dataset_new_by"),
            path("<int:pk>/download/", site(self.download_view), name="risk_dataset_rows"),
            *super().get_urls(),
        ]

    def has_get_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(datasets.PERMISSION)

    def has_download_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("risk.download_dataset")

    @action(description="Get a dataset", url_path="to-get", permissions=["get"], icon="add")
    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:risk_dataset_new")

    @action(description="Download the rows", url_path="to-download", permissions=["download"], icon="download")
    def download(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect("admin:risk_dataset_rows", object_id)

    def get_view(self, request: HttpRequest, way: str = "") -> HttpResponse:
        """GET offers the three ways; POST goes one of them, and shows every fault where it was refused."""
        if not self.has_get_permission(request):
            raise PermissionDenied
        if way and way not in WAYS:
            raise Http404
        offered = {name: form(prefix=name) for name, form in WAYS.items()}
        refused: dict[str, Any] = {}
        if way and request.method == "POST":
            form = offered[way] = WAYS[way](request.POST, request.FILES, prefix=way)
            if form.is_valid():
                try:
                    made = _MAKE[way](form.cleaned_data, f"staff:{request.user.pk}")
                except DomainError as error:
                    refused = {"way": way, "detail": error.detail, **error.data}
                else:
                    messages.success(request, f"{made.row_count:,} rows imported.")
                    return redirect("admin:risk_dataset_change", made.pk)
        shown = {
            **self.admin_site.each_context(request),
            "title": "Get a dataset",
            "opts": self.opts,
            "ways": offered,
            "refused": refused,
            "back": reverse("admin:risk_dataset_changelist"),
        }
        return render(request, "risk/dataset_get.html", shown, status=422 if refused else 200)

    def download_view(self, request: HttpRequest, pk: int) -> Any:
        """GET asks why; POST records who, what and why, then sends the rows."""
        if not (self.has_download_permission(request) and self.has_view_permission(request)):
            raise PermissionDenied
        dataset = queries.dataset(pk)
        form = ReasonForm(request.POST or None, question="Why do you need the rows?")
        if form.is_valid():
            with transaction.atomic(durable=True):
                access.record(
                    by=f"staff:{request.user.pk}",
                    subject=f"dataset:{pk}",
                    fields=["rows"],
                    reason=form.cleaned_data["reason"],
                    at=clock.now(),
                )
            answer = StreamingHttpResponse(queries.dataset_csv(pk), content_type="text/csv; charset=utf-8")
            answer["Content-Disposition"] = f'attachment; filename="dataset-{pk}.csv"'
            return answer
        shown = {
            **self.admin_site.each_context(request),
            "title": f"Download {dataset.name}",
            "opts": self.opts,
            "form": form,
            "rows": [],
            "back": reverse("admin:risk_dataset_change", args=[pk]),
        }
        return render(request, "lending/office/act.html", shown)


def _upload(asked: dict[str, Any], by: str) -> Dataset:
    content = asked["file"].read()
    with transaction.atomic(durable=True):
        return datasets.import_csv(
            name=asked["name"], scenario=asked["scenario"], content=content, by=by, at=clock.now()
        )


def _decisions(asked: dict[str, Any], by: str) -> Dataset:
    with transaction.atomic(durable=True):
        return datasets.from_decisions(
            scenario=asked["scenario"],
            since=asked["since"],
            until=asked["until"],
            months_on_book=asked["months_on_book"],
            by=by,
            at=clock.now(),
        )


def _sample(asked: dict[str, Any], by: str) -> Dataset:
    with transaction.atomic(durable=True):
        return datasets.from_sample(scenario=asked["scenario"], by=by, at=clock.now())


_MAKE: dict[str, Callable[[dict[str, Any], str], Dataset]] = {
    "upload": _upload,
    "decisions": _decisions,
    "sample": _sample,
}
