"""Spend on data: the budgets and where they stand; by day and vendor as a chart, a table and a file."""

import csv
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from lending.common import charts, clock
from lending.common.acting import ReasonForm
from lending.common.admin import ReadOnlyAdmin
from lending.common.errors import DomainError, Invalid
from lending.common.money import cents, format_cents
from lending.common.shown import badge, right
from risk import queries
from risk.models import Budget
from risk.rules import budget as rules
from risk.services import spend

PERIODS = (7, 30, 90)
DRAWN = 3  # vendors by name; the others are drawn together
COLOURS = {"too few": "grey", "within": "green", "near": "amber", "used up": "red"}
TONES = ("first", "second", "third", "fourth")


class BudgetForm(ReasonForm):
    limit = forms.CharField(label="Limit", max_length=14, widget=UnfoldAdminTextInputWidget, help_text="As 5000.00")
    alarm_percent = forms.IntegerField(
        label="Alarm at, % of the limit", widget=UnfoldAdminIntegerFieldWidget, help_text="1 to 200."
    )

    def __init__(self, *args: Any, budget: Budget, **kwargs: Any) -> None:
        initial = {"limit": f"{budget.limit_cents / 100:.2f}", "alarm_percent": budget.alarm_percent}
        super().__init__(*args, initial=initial, **kwargs)
        self.order_fields(["limit", "alarm_percent", "reason"])

    def clean_limit(self) -> int:
        try:
            return cents(self.cleaned_data["limit"].strip().replace(",", ""))
        except Invalid as error:
            raise forms.ValidationError("An amount, as 5000.00") from error


@admin.register(Budget)
class BudgetAdmin(ReadOnlyAdmin):
    list_display = ("what", "limit", "alarm", "used", "state")
    fields = ("kind", "limit", "alarm", "used", "state")
    readonly_fields = ("limit", "alarm", "used", "state")
    list_before_template = "risk/spend_link.html"
    change_form_outer_after_template = "risk/budget_after.html"
    actions_detail = ("to_amount",)
    actions_list = ("to_spend",)

    @admin.display(description="budget", ordering="id")
    def what(self, row: Budget) -> str:
        return str(row)

    @admin.display(description="limit", ordering="limit_cents")
    def limit(self, row: Budget) -> SafeString:
        return right(format_cents(row.limit_cents))

    @admin.display(description="alarm at", ordering="alarm_percent")
    def alarm(self, row: Budget) -> SafeString:
        return right(f"{format_cents(rules.alarm_cents(row.limit_cents, row.alarm_percent))} ({row.alarm_percent} %)")

    @admin.display(description="now")
    def used(self, row: Budget) -> SafeString:
        found = _use(row)
        return right(format_cents(found.used_cents) if found.used_cents is not None else f"too few: {found.count}")

    @admin.display(description="state")
    def state(self, row: Budget) -> SafeString:
        word = _state(_use(row))
        return badge(COLOURS[word], word)

    # --- the pages ------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("spend/", wrap(self.spend_view), name="risk_spend"),
            path("<int:budget_id>/amount/", wrap(self.amount_view), name="risk_budget_amount"),
            *super().get_urls(),
        ]

    def has_amount_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(spend.MAY_CHANGE)

    @action(description="Change", url_path="to-amount", permissions=["amount"], icon="edit")
    def to_amount(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect("admin:risk_budget_amount", object_id)

    @action(description="Spend by day and vendor", url_path="to-spend", permissions=["view"], icon="bar_chart")
    def to_spend(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:risk_spend")

    def amount_view(self, request: HttpRequest, budget_id: int) -> HttpResponse:
        row = get_object_or_404(Budget, pk=budget_id)
        if not (self.has_view_permission(request) and self.has_amount_permission(request)):
            raise PermissionDenied
        form = BudgetForm(request.POST or None, budget=row)
        back = reverse("admin:risk_budget_change", args=[budget_id])
        if request.method == "POST" and form.is_valid():
            limit, percent, reason = (form.cleaned_data[name] for name in ("limit", "alarm_percent", "reason"))
            try:
                with transaction.atomic(durable=True):
                    spend.change(
                        budget_id=budget_id,
                        limit_cents=limit,
                        alarm_percent=percent,
                        reason=reason,
                        by=f"staff:{request.user.pk}",
                        at=clock.now(),
                    )
                messages.success(request, "Done.")
                return redirect(back)
            except DomainError as error:
                for name, text in (error.fields if isinstance(error, Invalid) else {"": error.detail}).items():
                    form.add_error({"limit_cents": "limit", "": None}.get(name, name), text)
        shown = {"title": f"Budget: {row}", "button": "Change", "form": form, "back": back}
        context = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media + form.media}
        return render(request, "users/source_form.html", context | shown)

    def spend_view(self, request: HttpRequest) -> HttpResponse:
        """`?days=` 7, 30 or 90 up to today; `?csv=1`: the rows as a file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = request.GET.get("days", "")
        days = int(asked) if asked in map(str, PERIODS) else 30
        today = clock.business_date(clock.now())
        found = queries.spend_period(today - timedelta(days=days - 1), today)
        if request.GET.get("csv"):
            return _file(found)
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": "Spend on data"}
        return render(request, "risk/spend.html", context | _shown(found, days))


def _use(row: Budget) -> queries.BudgetUse:
    """Once a row and page: several columns show it."""
    if not hasattr(row, "use"):
        row.use = queries.budget_use(row.kind, clock.business_date(clock.now()))  # type: ignore[attr-defined]
    return row.use  # type: ignore[attr-defined]


def _state(found: queries.BudgetUse) -> str:
    """One of COLOURS."""
    if found.used_cents is None:
        return "too few"
    step = rules.reached(found.used_cents, found.limit_cents, found.alarm_percent)
    if not step:
        return "within"
    return "used up" if found.used_cents >= found.limit_cents else "near"


def _shown(found: queries.SpendPeriod, days: int) -> dict[str, Any]:
    budgets = [(row, _use(row), _state(_use(row))) for row in Budget.objects.all()]
    return {
        "found": found,
        "days": days,
        "periods": PERIODS,
        "chart": _chart(found),
        "table": _table(found),
        "vendors": found.by_vendor,
        "budgets": budgets,
        "colours": COLOURS,
        "per_application": _each(found.application_cents, found.applications),
        "per_loan": _each(found.spent_cents, found.loans),
    }


def _each(cents: int, count: int) -> int | None:
    """Rounded up; None of nothing."""
    return -(-cents // count) if count else None


def _days(found: queries.SpendPeriod) -> list[date]:
    return [found.since + timedelta(days=number) for number in range((found.until - found.since).days + 1)]


def _chart(found: queries.SpendPeriod) -> SafeString:
    names = [name for name, _, cents in found.by_vendor if cents]
    drawn = names[:DRAWN]
    spent = {(day, name): 0 for day in _days(found) for name in (*drawn, "others")}
    for row in found.rows:
        spent[row.day, row.vendor if row.vendor in drawn else "others"] += row.spent_cents
    series = [
        (name, tone, [spent[day, name] for day in _days(found)])
        for name, tone in zip((*drawn, *(["others"] if names[DRAWN:] else [])), TONES, strict=False)
    ]
    labels = [f"{day:%m-%d}" for day in _days(found)]
    return charts.columns(
        "Spend by day and vendor", labels, series, lambda value: format_cents(int(value), found.currency)
    )


def _table(found: queries.SpendPeriod) -> list[tuple[date, str, str, int, int]]:
    """Newest day first."""
    rows = sorted(found.rows, key=lambda row: (-row.day.toordinal(), -row.spent_cents, row.source))
    return [(row.day, row.vendor, row.source, row.asked, row.spent_cents) for row in rows]


def _file(found: queries.SpendPeriod) -> HttpResponse:
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="spend-{found.since}-{found.until}.csv"'
    answer.write("\ufeff")  # by which spreadsheets know that it is UTF-8
    lines = csv.writer(answer)
    # what staff wrote as a vendor's name must not begin a formula
    lines.writerows(
        [f"'{cell}" if cell[:1] in ("=", "+", "@", "-") else cell for cell in line]
        for line in queries.spend_csv(found.rows)
    )
    return answer
