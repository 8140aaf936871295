"""What may be done in a batch, and the form that drafts a change of it for somebody else to approve."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from lending.common import clock
from lending.common.admin import ReadOnlyAdmin, money
from lending.common.errors import DomainError
from lending.common.money import cents
from review.admin.two_people import TwoPersonAdmin, decisions
from review.models import BatchAction, BatchChange, BatchRule, ChecklistNeed, Stage
from review.services import batch_rules as services


class ChangeForm(forms.Form):
    stage = forms.ChoiceField(label="阶段 Stage", choices=Stage.choices, widget=UnfoldAdminSelectWidget)
    action = forms.ChoiceField(label="操作 Act", choices=BatchAction.choices, widget=UnfoldAdminSelectWidget)
    grades = forms.MultipleChoiceField(
        label="等级 Grades",
        required=False,
        choices=[(grade, grade) for grade in services.GRADES],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="None: no batch.",
    )
    amount_to = forms.DecimalField(
        label="上限 Up to, ¥", decimal_places=2, min_value=1, widget=UnfoldAdminDecimalFieldWidget
    )
    checklist = forms.ChoiceField(
        label="核查清单 Checklist", choices=ChecklistNeed.choices, widget=UnfoldAdminSelectWidget
    )
    reason = forms.CharField(
        label="原因 Reason", min_length=5, max_length=300, widget=UnfoldAdminTextInputWidget, help_text="It is kept."
    )


@admin.register(BatchRule)
class BatchRuleAdmin(ReadOnlyAdmin):
    list_display = ["stage", "action", "grades", "up_to", "checklist"]
    actions_list = ("to_draft",)
    up_to = money("amount_to_cents", description="上限 Up to")

    def get_urls(self) -> list[URLPattern]:
        draft = self.admin_site.admin_view(self.draft_view)
        return [path("draft/", draft, name="review_batchrule_draft"), *super().get_urls()]

    @action(description="起草修改 Draft a change", permissions=["draft"], url_path="to-draft")
    def to_draft(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:review_batchrule_draft")

    def has_draft_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(services.DRAFT)

    def draft_view(self, request: HttpRequest) -> HttpResponse:
        if not (self.has_view_permission(request) and self.has_draft_permission(request)):
            raise PermissionDenied
        form = ChangeForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            values = dict(form.cleaned_data)
            values["amount_to_cents"] = cents(values.pop("amount_to"))
            try:
                with transaction.atomic(durable=True):
                    services.draft(by=f"staff:{request.user.pk}", at=clock.now(), **values)
                messages.success(request, "It is drafted. Somebody else approves it.")
                return redirect("admin:review_batchchange_changelist")
            except DomainError as error:
                form.add_error(None, error.detail)
        shown = {
            **self.admin_site.each_context(request),
            "title": "起草批量规则 Draft a change of the batch rules",
            "opts": self.opts,
            "form": form,
            "media": self.media + form.media,
            "back": reverse("admin:review_batchrule_changelist"),
        }
        return render(request, "review/queue_settings.html", shown)


@admin.register(BatchChange)
class BatchChangeAdmin(TwoPersonAdmin):
    list_display = ["stage", "action", "grades", "up_to", "checklist", "state_shown", "author", "drafted", "decider"]
    up_to = money("amount_to_cents", description="上限 Up to")
    acts = decisions(
        question="Why may this be done in a batch?",
        approve=services.approve,
        approver=services.APPROVE,
        discard=services.discard,
        drafter=services.DRAFT,
    )
