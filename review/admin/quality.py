"""Second looks, their figures, and the configuration behind them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from lending.common import clock, period
from lending.common.admin import ReadOnlyAdmin, instant, money
from lending.common.composed import ComposedPage
from lending.common.errors import DomainError, Forbidden, Invalid
from lending.common.tables import Table, download
from review.admin import evidence
from review.admin.figures import quality_tables, tables
from review.admin.forms import VERDICTS, Codes
from review.models import DriftAlarm, ErrorClass, QualitySetting, ReviewDay, SamplingRule, SecondLook
from review.queries import actions_of
from review.queries.quality import coaching
from review.services import figures, quality
from users import queries as users


class LookForm(forms.Form):
    verdict = forms.ChoiceField(label="结论 Verdict", choices=VERDICTS, widget=UnfoldAdminSelectWidget)
    reasons = forms.MultipleChoiceField(label="原因 Reasons", widget=UnfoldAdminCheckboxSelectMultipleWidget)
    mistakes = forms.MultipleChoiceField(
        label="差错 Errors",
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Of the work as the evidence shows it.",
    )
    note = forms.CharField(label="备注 Note", required=False, max_length=2000, widget=UnfoldAdminTextareaWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        classes = [(row.code, f"{row} ({row.get_severity_display()})") for row in ErrorClass.objects.all()]
        self.fields["reasons"].choices = Codes().verdict_choices()  # type: ignore[attr-defined]
        self.fields["mistakes"].choices = classes  # type: ignore[attr-defined]


class DoneFilter(admin.SimpleListFilter):
    title, parameter_name = "状态 State", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", "待复核 Open"), ("done", "已复核 Done"), ("unanswered", "待答复 To be answered")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SecondLook]) -> QuerySet[SecondLook]:
        match self.value():
            case "open":
                return queryset.filter(done_at=None)
            case "done":
                return queryset.filter(done_at__isnull=False)
            case "unanswered":
                return queryset.filter(severity__isnull=False, acknowledged_at=None)
        return queryset


@admin.register(SecondLook)
class SecondLookAdmin(ComposedPage, ReadOnlyAdmin):
    """Shows nobody what a look is to be compared with before it is done."""

    large = True
    list_display = ["number", "queue", "created", "checked_by", "state", "drawn_by", "agrees", "severity", "answered"]
    list_filter = [DoneFilter, "queue", "severity"]
    list_select_related = ["queue", "checker", "rule"]
    list_before_template = "review/looks.html"
    change_form_outer_before_template = "review/look.html"

    created = instant("created_at", description="抽中 Drawn")

    @admin.display(description="复核 Look", ordering="pk")
    def number(self, look: SecondLook) -> str:
        return f"#{look.pk}"

    @admin.display(description="质检 Checker")
    def checked_by(self, look: SecondLook) -> str:
        return look.checker.get_full_name() if look.checker else "-"

    @admin.display(description="状态 State")
    def state(self, look: SecondLook) -> str:
        if look.done_at is None:
            return "复核中 taken" if look.checker_id else "待复核 waiting"
        return "已复核 done"

    @admin.display(description="规则 Rule")
    def drawn_by(self, look: SecondLook) -> str:
        return look.rule.code if look.done_at else "-"  # a rule may tell the outcome

    @admin.display(description="一致 Agrees")
    def agrees(self, look: SecondLook) -> str:
        if look.done_at is None:
            return "-"
        return "一致 yes" if look.verdict == look.outcome else "不一致 no"

    @admin.display(description="答复 Answered")
    def answered(self, look: SecondLook) -> str:
        return "-" if look.severity is None else "是 yes" if look.acknowledged_at else "否 no"

    # --- who sees which -------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[SecondLook]:
        """A reviewer, who neither checks nor leads, sees what was found about their own cases."""
        rows: QuerySet[SecondLook] = super().get_queryset(request)
        if any(request.user.has_perm(name) for name in (quality.PERMISSION, quality.SEE, "review.view_reviewday")):
            return rows
        return rows.filter(reviewer_id=request.user.pk, done_at__isnull=False)

    def composed(self, request: HttpRequest, pk: int) -> dict[str, Any]:
        look = SecondLook.objects.select_related("case", "queue", "rule", "reviewer", "recommender").get(pk=pk)
        mine = look.checker_id == request.user.pk and look.done_at is None
        shown = {"look": look, "form": LookForm(request.POST or None) if mine else None} | evidence.of(look)
        if look.done_at is None:
            return shown
        errors = ErrorClass.objects.filter(code__in=look.errors)
        history = [(row, users.actor_name(row.actor)) for row in actions_of(look.case_id)]
        answers = look.reviewer_id == request.user.pk and look.severity is not None and look.acknowledged_at is None
        return shown | {"errors_found": errors, "history": history, "may_answer": answers}

    # --- pages ----------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("next/", wrap(self.next_view), name="review_look_next"),
            path("<int:look_id>/finish/", wrap(self.finish_view), name="review_look_finish"),
            path("<int:look_id>/answer/", wrap(self.answer_view), name="review_look_answer"),
            path("figures/", wrap(self.figures_view), name="review_figures"),
            path("agreement/", wrap(self.agreement_view), name="review_agreement"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(
            request,
            (extra_context or {})
            | {
                "may_check": request.user.has_perm(quality.PERMISSION),
                "may_see": request.user.has_perm(quality.SEE),
                "to_answer": coaching(request.user.pk or 0),
            },
        )

    def next_view(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            with transaction.atomic(durable=True):
                look_id = quality.take_look(by_id=request.user.pk or 0, at=clock.now())
        except Forbidden as error:
            raise PermissionDenied from error
        if look_id is None:
            messages.info(request, _("No second look waits for you."))
            return redirect("admin:review_secondlook_changelist")
        return redirect("admin:review_secondlook_change", look_id)

    def finish_view(self, request: HttpRequest, look_id: int) -> HttpResponse:
        look = self.get_object(request, str(look_id))
        if look is None:
            raise Http404
        form = LookForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            said = dict(form.cleaned_data)
            try:
                with transaction.atomic(durable=True):
                    quality.finish_look(
                        look_id=look_id,
                        by_id=request.user.pk or 0,
                        errors=said.pop("mistakes"),
                        at=clock.now(),
                        **said,
                    )
            except DomainError as error:
                fields = error.fields if isinstance(error, Invalid) else {}
                messages.error(request, "; ".join([error.detail, *map(str, fields.values())]))
            else:
                messages.success(request, _("Done. Below is what the reviewers said."))
                return redirect("admin:review_secondlook_change", look_id)
        request.method = "GET"  # the page again, with what was typed
        answer: HttpResponse = self.change_view(request, str(look_id))
        return answer

    def answer_view(self, request: HttpRequest, look_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            with transaction.atomic(durable=True):
                quality.acknowledge(
                    look_id=look_id,
                    by_id=request.user.pk or 0,
                    reply=request.POST.get("reply", "")[:2000],
                    at=clock.now(),
                )
        except DomainError as error:
            messages.error(request, error.detail)
        return redirect("admin:review_secondlook_changelist")

    def figures_view(self, request: HttpRequest) -> HttpResponse:
        at = clock.now()
        span = period.read(request.GET, clock.business_date(at))
        try:
            found = figures.shown_to(by_id=request.user.pk or 0, since=span.since, until=span.until, at=at)
        except Forbidden as error:
            raise PermissionDenied from error
        shown = {"title": _("Figures of the desk"), "found": found}
        return self._shown(request, "review/figures.html", span, tables(found), shown)

    def agreement_view(self, request: HttpRequest) -> HttpResponse:
        span = period.read(request.GET, clock.business_date(clock.now()))
        try:
            found = quality.figures_for(by_id=request.user.pk or 0, since=span.since, until=span.until)
        except Forbidden as error:
            raise PermissionDenied from error
        shown = {"title": _("Agreement and errors"), "found": found}
        return self._shown(request, "review/agreement.html", span, quality_tables(found), shown)

    def _shown(
        self, request: HttpRequest, template: str, span: period.Period, found: list[Table], shown: dict[str, Any]
    ) -> HttpResponse:
        """The page, or one of its tables as a file."""
        if wanted := request.GET.get("csv"):
            table = next((table for table in found if table.code == wanted), None)
            if table is None:
                raise Http404
            return download(table, f"review-{table.code}-{span.since}-{span.until}")
        context = {**self.admin_site.each_context(request), "opts": self.opts, "span": span, "tables": found}
        return render(request, template, context | shown)


@admin.register(SamplingRule)
class SamplingRuleAdmin(ReadOnlyAdmin):
    list_display = ["code", "stage", "outcome", "queue_code", "alone", "overrules", "first_cases", "level_to", "amount",
                    "share", "active"]  # fmt: skip
    amount = money("amount_from_cents", description="金额起 From")

    @admin.display(description="抽样 Share", ordering="share_bp")
    def share(self, rule: SamplingRule) -> str:
        return f"{rule.share_bp / 100:g}%"


@admin.register(ErrorClass)
class ErrorClassAdmin(ReadOnlyAdmin):
    list_display = ["code", "severity", "text_zh", "text_en"]
    list_filter = ["severity"]


@admin.register(QualitySetting)
class QualitySettingAdmin(ReadOnlyAdmin):
    list_display = ["code", "value", "text_zh", "text_en"]


@admin.register(DriftAlarm)
class DriftAlarmAdmin(ReadOnlyAdmin):
    list_display = ["raised_on", "who", "metric", "before", "now", "z_shown"]
    list_filter = ["metric"]

    @admin.display(description="对象 Whose")
    def who(self, row: DriftAlarm) -> str:
        kind, _, ident = row.subject.partition(":")
        return users.actor_name(f"staff:{ident}") if kind == "reviewer" else ident

    @admin.display(description="此前30天 30 days before")
    def before(self, row: DriftAlarm) -> str:
        return f"{row.before_rate:.0%} of {row.before_count}"

    @admin.display(description="近期 Lately")
    def now(self, row: DriftAlarm) -> str:
        return f"{row.now_rate:.0%} of {row.now_count}"

    @admin.display(description="标准误 Standard errors")
    def z_shown(self, row: DriftAlarm) -> str:
        return f"{row.z:+.1f}"


@admin.register(ReviewDay)
class ReviewDayAdmin(ReadOnlyAdmin):
    list_display = ["day", "part", "queue_code", "product_code", "reviewer", "cases", "approved", "declined",
                    "overturned", "late"]  # fmt: skip
    list_filter = ["part"]
    list_select_related = ["reviewer"]
