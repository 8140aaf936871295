"""What the pages of every month's statement have in common: three acts, who did what, its lines as a file."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget

from lending.common import clock
from lending.common.acting import Act, ActingAdmin, ReasonForm
from lending.common.admin import instant, state_badge
from lending.common.composed import ComposedPage
from lending.common.money import format_cents
from lending.common.shown import right
from lending.common.tables import Table, download

STATES = {"draft": "amber", "approved": "green"}
SHOWN = 200  # lines of a statement on its page; the file has all


class MonthForm(ReasonForm):
    month = forms.CharField(
        label="Month, as 2026-03", max_length=7, widget=UnfoldAdminTextInputWidget, help_text="It must be over."
    )

    def clean_month(self) -> date:
        try:
            return date.fromisoformat(f"{self.cleaned_data['month']}-01")
        except ValueError:
            raise forms.ValidationError("Not a month: write 2026-03.") from None


class AdjustForm(ReasonForm):
    amount_cents = forms.DecimalField(
        label="Amount",
        max_digits=13,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text="In major units, as the lines count: -12.50 takes something back. Somebody else approves it.",
    )

    def clean_amount_cents(self) -> int:
        return int(self.cleaned_data["amount_cents"] * 100)


def drafting(permission: str, perform: Callable[..., Any], can: Callable[[Any], bool]) -> Act:
    """The act of whom a statement is made with. `perform(pk, month=, reason=, by=, at=)`."""
    return Act(
        title="Draft a statement",
        question="What is it drafted for?",
        done="has a drafted statement; somebody else approves it",
        permission=permission,
        perform=perform,
        can=can,
        icon="receipt_long",
        form=MonthForm,
        initial=lambda row: {"month": f"{clock.business_date(clock.now()).replace(day=1) - timedelta(days=1):%Y-%m}"},
    )


def deciding(services: Any, *, approve: str, settle: str) -> dict[str, Act]:
    """`services`: of the app, with approve_, adjust_ and discard_statement; then the two permissions."""
    return {
        "approve": Act(
            title="Approve",
            question="What was checked?",
            done="approved",
            permission=approve,
            perform=lambda pk, **why: services.approve_statement(statement_id=pk, **why),
            can=lambda row: row.state == "draft",
            icon="verified",
        ),
        "adjust": Act(
            title="Adjust",
            question="What is it adjusted for?",
            done="adjusted; somebody else approves it",
            permission=settle,
            perform=lambda pk, **why: services.adjust_statement(statement_id=pk, **why),
            can=lambda row: row.state == "draft",
            icon="tune",
            form=AdjustForm,
        ),
        "discard": Act(
            title="Discard",
            question="Why is it dropped? Its lines are open again.",
            done="discarded",
            permission=settle,
            perform=lambda pk, **why: services.discard_statement(statement_id=pk, **why),
            can=lambda row: row.state == "draft",
            icon="delete",
        ),
    }


class StatementPage(ComposedPage, ActingAdmin):
    """`names_of(actors)`: what they are called; `table(statement)`: the file of it."""

    names_of: Callable[[Iterable[str]], Mapping[str, str]]
    badge = state_badge("state", STATES, "state")
    drafted = instant("drafted_at", "drafted")
    decided = instant("decided_at", "decided")

    def table(self, statement: Any) -> Table:
        raise NotImplementedError

    @admin.display(description="month", ordering="month")
    def month_shown(self, row: Any) -> str:
        return f"{row.month:%Y-%m}"

    @admin.display(description="total", ordering="total_cents")
    def total(self, row: Any) -> SafeString:
        return right(format_cents(row.total_cents, row.currency))

    @admin.display(description="drafted by")
    def author(self, row: Any) -> str:
        return str(row.names[row.drafted_by])

    @admin.display(description="decided by")
    def decider(self, row: Any) -> str:
        return str(row.names[row.decided_by]) if row.decided_by else "-"

    def prepare(self, rows: Sequence[Any]) -> None:
        names = type(self).names_of(by for row in rows for by in (row.drafted_by, row.decided_by) if by)
        for row in rows:
            row.names = names

    def get_urls(self) -> list[URLPattern]:
        csv = self.admin_site.admin_view(self.csv_view)
        return [path("<int:pk>/csv/", csv, name=f"{self.opts.app_label}_statement_csv"), *super().get_urls()]

    def csv_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        statement = self.get_object(request, str(pk)) if self.has_view_permission(request) else None
        if statement is None:
            raise Http404
        return download(self.table(statement), f"statement-{str(statement).replace(' ', '-')}")


def plain(cents: int | None) -> str:
    """Major units, as somebody's bookkeeping reads them: 1234.50, and a minus in front of what is taken back."""
    if cents is None:
        return ""
    major, minor = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{major}.{minor:02d}"
