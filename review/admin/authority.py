"""The authority matrix: its versions, what one changes, and a form that drafts the next."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from unfold.decorators import action
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from lending.common import clock
from lending.common.admin import ReadOnlyAdmin, money
from lending.common.composed import ComposedPage
from lending.common.errors import DomainError, Invalid
from lending.common.money import cents
from review import queries
from review.admin.two_people import TwoPersonAdmin, decisions
from review.models import AuthorityRule, AuthorityVersion
from review.rules import authority
from review.services import authority as services

SPARE_BANDS = 2
COLUMN_NAMES = {"A_B": "A, B", "C": "C", "D": "D", "exception": "例外 Exception"}


class DraftForm(forms.Form):
    """The whole matrix as it stands, to be changed; two bands more can be filled in, one emptied is dropped."""

    reason = forms.CharField(
        label="原因 Reason", min_length=5, max_length=300, widget=UnfoldAdminTextInputWidget, help_text="It is kept."
    )

    def __init__(self, data: Any, *, version: queries.VersionView | None) -> None:
        super().__init__(data)
        self.columns = version.columns if version else tuple(COLUMN_NAMES)
        known = list(version.bands) if version else []
        choices = [(word, word) for word in authority.cell_choices()]
        self.bands: list[tuple[str, list[str]]] = []
        for number in range(len(known) + SPARE_BANDS):
            amount_cents, cells = known[number] if number < len(known) else (None, ())
            band = f"band_{number}"
            label = f"Amount up to, row {number + 1}"
            self.fields[band] = forms.DecimalField(
                label=label, required=False, decimal_places=2, min_value=0, widget=UnfoldAdminDecimalFieldWidget
            )
            self.initial[band] = Decimal(amount_cents) / 100 if amount_cents else None
            names = []
            for place, column in enumerate(self.columns):
                name = f"cell_{number}_{column}"
                self.fields[name] = forms.ChoiceField(
                    label=f"{COLUMN_NAMES.get(column, column)}, row {number + 1}",
                    choices=choices,
                    required=False,
                    widget=UnfoldAdminSelectWidget,
                )
                self.initial[name] = cells[place] if cells else "not allowed"
                names.append(name)
            self.bands.append((band, names))

    def rows(self) -> Iterator[tuple[Any, list[Any]]]:
        for band, names in self.bands:
            yield self[band], [self[name] for name in names]

    def cells(self) -> list[authority.Rule]:
        found = []
        for band, names in self.bands:
            if amount := self.cleaned_data.get(band):
                for column, name in zip(self.columns, names, strict=True):
                    levels = authority.levels(self.cleaned_data[name] or "not allowed")
                    found.append(authority.Rule(cents(amount), column, *levels))
        return found


@admin.register(AuthorityVersion)
class AuthorityVersionAdmin(ComposedPage, TwoPersonAdmin):
    list_display = ["number", "state_shown", "reason", "author", "drafted", "decider", "decided"]
    change_form_outer_before_template = "review/authority.html"
    actions_list = ("to_draft",)
    acts = decisions(
        question="Why may this matrix be in force?",
        approve=services.approve,
        approver=services.APPROVE,
        discard=services.discard,
        drafter=services.DRAFT,
    )

    def act_details(self, row: AuthorityVersion) -> str:
        version = queries.authority_version(row.pk)
        return f"{len(version.differences)} cells differ; {version.moves} open cases would move" if version else ""

    def composed(self, request: HttpRequest, pk: int) -> dict[str, Any]:
        version = queries.authority_version(pk)
        names = [COLUMN_NAMES.get(column, column) for column in version.columns] if version else []
        mine = version is not None and version.drafted_by == f"staff:{request.user.pk}"
        return {"version": version, "column_names": names, "mine": mine}

    def get_urls(self) -> list[URLPattern]:
        draft = self.admin_site.admin_view(self.draft_view)
        return [path("draft/", draft, name="review_authorityversion_draft"), *super().get_urls()]

    @action(description="起草新版本 Draft the next version", permissions=["draft"], url_path="to-draft")
    def to_draft(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:review_authorityversion_draft")

    def has_draft_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(services.DRAFT)

    def draft_view(self, request: HttpRequest) -> HttpResponse:
        """The matrix in force as a form; posted, it is the draft that somebody else approves."""
        if not (self.has_view_permission(request) and self.has_draft_permission(request)):
            raise PermissionDenied
        form = DraftForm(request.POST or None, version=queries.authority_version())
        if request.method == "POST" and form.is_valid():
            try:
                with transaction.atomic(durable=True):
                    number = services.draft(
                        cells=form.cells(),
                        reason=form.cleaned_data["reason"],
                        by=f"staff:{request.user.pk}",
                        at=clock.now(),
                    )
                messages.success(request, f"v{number} is drafted. Somebody else approves it.")
                return redirect("admin:review_authorityversion_changelist")
            except DomainError as error:
                fields = error.fields if isinstance(error, Invalid) else {}
                form.add_error(None, "; ".join([error.detail, *(f"{name}: {text}" for name, text in fields.items())]))
        shown = {
            **self.admin_site.each_context(request),
            "title": "起草权限矩阵 Draft the authority matrix",
            "opts": self.opts,
            "form": form,
            "column_names": [COLUMN_NAMES.get(column, column) for column in form.columns],
            "media": self.media + form.media,
            "back": reverse("admin:review_authorityversion_changelist"),
        }
        return render(request, "review/authority_draft.html", shown)


@admin.register(AuthorityRule)
class AuthorityAdmin(ReadOnlyAdmin):
    list_display = ["version", "column", "amount", "initial", "final"]
    list_filter = ["version", "column"]
    amount = money("amount_to_cents", description="上限 Up to")

    @admin.display(description="初审 Initial")
    def initial(self, rule: AuthorityRule) -> str:
        return f"R{rule.initial_level}" if rule.initial_level else "不允许 not allowed"

    @admin.display(description="终审 Final")
    def final(self, rule: AuthorityRule) -> str:
        if rule.final_level:
            return f"R{rule.final_level}"
        return "独立 alone" if rule.initial_level else "-"
