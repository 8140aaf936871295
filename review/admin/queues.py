"""Queues, the rules that fill them, and the page where a lead sets who serves one and what comes first in it."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from lending.common import clock
from lending.common.admin import ReadOnlyAdmin, money
from lending.common.errors import DomainError, Invalid
from review import queries
from review.models import Mode, Queue, RoutingRule
from review.services import queue_settings
from users import queries as users


class SettingsForm(forms.Form):
    mode = forms.ChoiceField(label="方式 Mode", choices=Mode.choices, widget=UnfoldAdminSelectWidget)
    ageing_minutes = forms.IntegerField(
        label="老化 One point of priority for so many minutes of age", widget=UnfoldAdminIntegerFieldWidget
    )
    boost = forms.IntegerField(label="加分 Points for every case", widget=UnfoldAdminIntegerFieldWidget)
    level_bonus = forms.IntegerField(
        label="高等级加分 Points for a borrower of level V3 or higher", widget=UnfoldAdminIntegerFieldWidget
    )
    members = forms.TypedMultipleChoiceField(
        label="成员 Who serves it",
        coerce=int,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Nobody ticked: everybody with the skill of the queue.",
    )
    reason = forms.CharField(
        label="原因 Reason", min_length=5, max_length=150, widget=UnfoldAdminTextInputWidget, help_text="It is kept."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reviewers = queries.reviewers()
        names = users.actor_names(f"staff:{row.user_id}" for row in reviewers)
        self.fields["members"].choices = [  # type: ignore[attr-defined]
            (row.user_id, f"R{row.level} {names[f'staff:{row.user_id}']} ({' '.join(row.skills)})") for row in reviewers
        ]


@admin.register(Queue)
class QueueAdmin(ReadOnlyAdmin):
    list_display = [
        "code",
        "name_zh",
        "stage",
        "mode",
        "opens",
        "closes",
        "workdays_only",
        "due_minutes",
        "at_risk_minutes",
        "skill",
        "ageing_minutes",
        "boost",
        "level_bonus",
        "handling_minutes",
    ]
    list_filter = ["stage", "mode"]
    search_fields = ["code", "name_zh"]
    actions_detail = ("to_settings",)
    change_form_outer_after_template = "lending/office/acts.html"

    def get_urls(self) -> list[URLPattern]:
        settings = self.admin_site.admin_view(self.settings_view)
        return [path("<int:queue_id>/settings/", settings, name="review_queue_settings"), *super().get_urls()]

    @action(description="设置 Settings", permissions=["settings"], url_path="to-settings")
    def to_settings(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect("admin:review_queue_settings", object_id)

    def has_settings_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(queue_settings.CHANGE)

    def settings_view(self, request: HttpRequest, queue_id: int) -> HttpResponse:
        if not (self.has_view_permission(request) and self.has_settings_permission(request)):
            raise PermissionDenied
        queue = queries.queue_settings(queue_id)
        if queue is None:
            raise Http404
        form = SettingsForm(request.POST or None, initial=vars_of(queue))
        back = reverse("admin:review_queue_change", args=[queue_id])
        if request.method == "POST" and form.is_valid():
            try:
                with transaction.atomic(durable=True):
                    queue_settings.configure(
                        queue_id=queue_id, by=f"staff:{request.user.pk}", at=clock.now(), **form.cleaned_data
                    )
                messages.success(request, "Set.")
                return redirect(back)
            except DomainError as error:
                for field, text in (error.fields if isinstance(error, Invalid) else {}).items():
                    form.add_error(field if field in form.fields else None, text)
                form.add_error(None, error.detail)
        shown = {
            **self.admin_site.each_context(request),
            "title": f"队列设置 Settings of {queue.code}",
            "opts": self.opts,
            "form": form,
            "media": self.media + form.media,
            "back": back,
        }
        return render(request, "review/queue_settings.html", shown)


def vars_of(queue: queries.QueueSettings) -> dict[str, Any]:
    names = ("mode", "ageing_minutes", "boost", "level_bonus", "members")
    return {name: getattr(queue, name) for name in names}


@admin.register(RoutingRule)
class RoutingRuleAdmin(ReadOnlyAdmin):
    list_display = [
        "position",
        "queue",
        "stage",
        "families",
        "channels",
        "grades",
        "languages",
        "reasons",
        "over",
        "mark",
    ]
    list_select_related = ["queue"]
    over = money("over_cents", description="超过 Amount over")

    @admin.display(description="阶段 Stage")
    def stage(self, rule: RoutingRule) -> str:
        return rule.queue.get_stage_display()
