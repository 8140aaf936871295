"""Backtests: the list, the form that starts one, its page with progress and result, its rows and figures as files."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from lending import queries as lending
from lending.common import clock
from lending.common.acting import ReasonForm
from lending.common.admin import ReadOnlyAdmin, age, state_badge
from lending.common.errors import DomainError
from lending.common.shown import right
from risk import queries
from risk.admin import backtest_page
from risk.models import Backtest, BacktestState, Dataset, Draft, DraftState, Release, ReleaseForm
from risk.services import backtests
from risk.services.backtests import Period
from users import queries as users
from users.services import access

STATES = {"pending": "amber", "running": "teal", "done": "green", "failed": "red", "cancelled": "grey"}
DECISIONS = "decisions"
RELEASES = 60  # the latest ones are offered
DOWNLOAD = "risk.download_dataset"


class StartForm(forms.Form):
    candidate = forms.ChoiceField(
        widget=UnfoldAdminSelectWidget, help_text="A draft is tried as it is now, with the open drafts that it asks."
    )
    source = forms.ChoiceField(label="Rows", widget=UnfoldAdminSelectWidget)
    since = forms.DateField(
        label="First business day",
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}),
    )
    until = forms.DateField(
        label="Last business day", required=False, widget=UnfoldAdminTextInputWidget(attrs={"type": "date"})
    )
    product_code = forms.ChoiceField(label="Product", required=False, widget=UnfoldAdminSelectWidget)
    channel_code = forms.CharField(label="Channel", required=False, max_length=20, widget=UnfoldAdminTextInputWidget)
    baseline = forms.ChoiceField(
        label="Compared with",
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text="What the swap sets are against.",
    )
    groups = forms.MultipleChoiceField(
        label="Groups of the fairness table", required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        releases = list(
            Release.objects.exclude(form=ReleaseForm.SCORECARD)
            .select_related("scenario")
            .only("key", "version", "scenario__code")
            .order_by("-released_at", "-pk")[:RELEASES]
        )
        drafts = (
            Draft.objects.filter(state__in=[DraftState.OPEN, DraftState.SUBMITTED])
            .exclude(form=ReleaseForm.SCORECARD)
            .select_related("scenario")
            .defer("authored", "tests")
        )
        sets = Dataset.objects.select_related("scenario")[:100]
        self._choose(
            "candidate",
            [
                (
                    "Drafts",
                    [(f"draft:{row.pk}", f"{row.key}, draft {row.revision} ({row.scenario})") for row in drafts],
                ),
                ("Releases", [(f"release:{row.pk}", f"{row} ({row.scenario})") for row in releases]),
            ],
        )
        self._choose(
            "source",
            [
                *((f"dataset:{row.pk}", f"{row.name} ({row.scenario or 'any scenario'})") for row in sets),
                (DECISIONS, "Stored decisions of the scenario"),
            ],
        )
        self._choose(
            "baseline",
            [("", "what serves the scope now"), *((str(row.pk), f"{row} ({row.scenario})") for row in releases)],
        )
        self._choose("product_code", [("", "any"), *((row.code, row.code) for row in lending.products())])
        groups = sorted({"sex", "age_band", *(name for row in sets for name in row.groups)})
        self._choose("groups", [(name, name.replace("_", " ")) for name in groups])
        self.fields["groups"].initial = groups

    def _choose(self, name: str, choices: Sequence[Any]) -> None:
        field: Any = self.fields[name]
        field.choices = choices

    def clean(self) -> dict[str, Any]:
        asked: dict[str, Any] = super().clean() or {}
        if asked.get("source") == DECISIONS:
            for name in ("since", "until"):
                if not asked.get(name) and name not in self.errors:
                    self.add_error(name, "Say which business days.")
            if asked.get("since") and asked.get("until") and asked["until"] < asked["since"]:
                self.add_error("until", "The last day is before the first.")
        return asked


@admin.register(Backtest)
class BacktestAdmin(ReadOnlyAdmin):
    list_display = ("candidate_name", "rows", "badge", "approves", "scenario", "owner", "started")
    list_filter = ("state", "scenario")
    list_select_related = ("scenario", "dataset")
    search_fields = ("candidate_name", "candidate_sha256")
    actions_list = ("begin",)
    change_form_outer_before_template = "risk/backtest.html"
    badge = state_badge("state", STATES, "state")
    started = age("created_at", "started")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Backtest]:
        return super().get_queryset(request).defer("candidate", "summary", "defaults")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return []  # the template shows the page

    @admin.display(description="over")
    def rows(self, obj: Backtest) -> str:
        return f"{obj.source}, {obj.row_count:,} rows"

    @admin.display(description="approves, before → now")
    def approves(self, obj: Backtest) -> SafeString | str:
        if obj.state != BacktestState.DONE:
            return "-"
        told = [obj.totals[side] for side in ("baseline", "candidate") if side in obj.totals]
        return right(" → ".join(f"{side['approve'] / max(sum(side.values()), 1):.1%}" for side in told))

    def prepare(self, rows: Sequence[Any]) -> None:
        names = users.actor_names(row.by for row in rows)
        for row in rows:
            row.by_name = names[row.by]

    @admin.display(description="by")
    def owner(self, obj: Any) -> str:
        return getattr(obj, "by_name", None) or users.actor_name(obj.by)

    # --- who may --------------------------------------------------------------------------------------------------

    def has_begin_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(backtests.PERMISSION)

    @action(description="Start a backtest", url_path="to-new", permissions=["begin"], icon="play_arrow")
    def begin(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:risk_backtest_new")

    # --- pages ----------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site.admin_view
        return [
            path("new/", site(self.new_view), name="risk_backtest_new"),
            path("<int:pk>/progress/", site(self.progress_view), name="risk_backtest_progress"),
            path("<int:pk>/cancel/", site(self.cancel_view), name="risk_backtest_cancel"),
            path("<int:pk>/rows/", site(self.rows_view), name="risk_backtest_rows"),
            path("<int:pk>/figures.csv", site(self.figures_view), name="risk_backtest_figures"),
            *super().get_urls(),
        ]

    def new_view(self, request: HttpRequest) -> HttpResponse:
        """`?draft=`, `?release=` and `?dataset=` choose beforehand."""
        if not self.has_begin_permission(request):
            raise PermissionDenied
        asked = [(kind, request.GET[kind]) for kind in ("draft", "release") if request.GET.get(kind)]
        initial = {"candidate": ":".join(asked[0])} if asked else {}
        if dataset := request.GET.get("dataset"):
            initial["source"] = f"dataset:{dataset}"
        form = StartForm(request.POST or None, initial=initial)
        problems: Any = []
        if request.method == "POST" and form.is_valid():
            try:
                made = _start(form.cleaned_data, f"staff:{request.user.pk}")
            except DomainError as error:
                form.add_error(None, error.detail)
                problems = error.data.get("problems", ())
            else:
                return redirect("admin:risk_backtest_change", made.pk)
        shown = {
            **self.admin_site.each_context(request),
            "title": "Start a backtest",
            "opts": self.opts,
            "form": form,
            "problems": problems,
            "back": reverse("admin:risk_backtest_changelist"),
        }
        return render(request, "risk/backtest_new.html", shown, status=422 if form.errors else 200)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        shown: dict[str, Any] = {}
        if self.get_object(request, object_id) and self.has_view_permission(request):
            row, other = self._row(int(object_id)), request.GET.get("with", "")
            compared = self._row(int(other)) if other.isdigit() and other != object_id else None
            if compared is not None and compared.state != BacktestState.DONE:
                compared = None
            shown = backtest_page.composed(row, compared) | {
                "may_run": self.has_begin_permission(request),
                "may_download": request.user.has_perm(DOWNLOAD),
            }
            if row.finished_at is not None and row.by == f"staff:{request.user.pk}":
                with transaction.atomic(durable=True):
                    backtests.seen(backtest_id=row.pk, by=row.by, at=clock.now())
        answer: HttpResponse = super().change_view(request, object_id, form_url, (extra_context or {}) | shown)
        return answer

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self._check_view(request)
        row = get_object_or_404(self.get_queryset(request), pk=pk)
        answer = JsonResponse(backtest_page.progress(row))
        answer["Cache-Control"] = "no-store"
        return answer

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_begin_permission(request):
            raise PermissionDenied
        try:
            with transaction.atomic(durable=True):
                backtests.cancel(backtest_id=pk, by=f"staff:{request.user.pk}", at=clock.now())
        except DomainError as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, "Cancelled. No further chunk is begun.")
        return redirect("admin:risk_backtest_change", pk)

    def rows_view(self, request: HttpRequest, pk: int) -> Any:
        """GET asks why; POST records who, what and why, then sends the rows."""
        self._check_view(request)
        if not request.user.has_perm(DOWNLOAD):
            raise PermissionDenied
        row = get_object_or_404(self.get_queryset(request), pk=pk)
        form = ReasonForm(request.POST or None, question="Why do you need the rows?")
        if form.is_valid():
            with transaction.atomic(durable=True):
                access.record(
                    by=f"staff:{request.user.pk}",
                    subject=f"backtest:{pk}",
                    fields=["rows"],
                    reason=form.cleaned_data["reason"],
                    at=clock.now(),
                )
            return _csv(queries.backtest_csv(pk), f"backtest-{pk}-rows.csv")
        shown = {
            **self.admin_site.each_context(request),
            "title": f"Download the rows of {row}",
            "opts": self.opts,
            "form": form,
            "rows": [],
            "back": reverse("admin:risk_backtest_change", args=[pk]),
        }
        return render(request, "lending/office/act.html", shown)

    def figures_view(self, request: HttpRequest, pk: int) -> Any:
        self._check_view(request)
        row = get_object_or_404(self.get_queryset(request), pk=pk)
        if row.state != BacktestState.DONE:
            raise Http404
        return _csv(queries.backtest_summary_csv(pk), f"backtest-{pk}-figures.csv")

    def _check_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _row(self, pk: int) -> Backtest:
        rows = Backtest.objects.select_related("scenario", "dataset", "baseline", "release", "draft")
        return get_object_or_404(rows.defer("candidate"), pk=pk)


def _start(asked: dict[str, Any], by: str) -> Backtest:
    kind, _, number = asked["candidate"].partition(":")
    candidate = {f"{kind}_id": int(number)}
    period = dataset_id = None
    if asked["source"] == DECISIONS:
        days = timedelta(days=1)
        period = Period(
            _begins(asked["since"]),
            _begins(asked["until"] + days),
            asked["product_code"],
            asked["channel_code"].strip(),
        )
    else:
        dataset_id = int(asked["source"].partition(":")[2])
    baseline_id = int(asked["baseline"]) if asked["baseline"] else None
    with transaction.atomic(durable=True):
        return backtests.start(
            dataset_id=dataset_id,
            period=period,
            baseline_id=baseline_id,
            groups=asked["groups"],
            by=by,
            at=clock.now(),
            **candidate,
        )


def _begins(day: Any) -> datetime:
    """The first instant of a business day."""
    return timezone.make_aware(datetime.combine(day, time.min))


def _csv(lines: Any, name: str) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
