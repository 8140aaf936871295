"""What is collected from borrowers' phones: the market's rows, and what was counted."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import action
from unfold.widgets import UnfoldAdminFileFieldWidget

from lending.common import clock
from lending.common.acting import ReasonForm
from lending.common.admin import ReadOnlyAdmin
from lending.common.errors import Forbidden
from users.admin.search import PersonSearch
from users.models import CollectedFeatures, CollectionRule, CollectorList, CollectorNumber
from users.rules import collectorfile
from users.services import collectors

FAULTS = 200  # shown at once


class ReplaceForm(ReasonForm):
    file = forms.FileField(
        label="File",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,text/csv"}),
        help_text=f"CSV in UTF-8, at most {collectorfile.MAX_LINES:,} lines.",
    )

    field_order = ("file", "reason")

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > collectorfile.MAX_BYTES:
            raise forms.ValidationError(collectorfile.TOO_LARGE)
        return file


@admin.register(CollectionRule)
class CollectionRuleAdmin(ReadOnlyAdmin):
    list_display = ("market", "kind", "is_allowed", "fresh_days", "basis")
    list_filter = ("market", "kind")


@admin.register(CollectorNumber)
class CollectorNumberAdmin(ReadOnlyAdmin):
    large = True
    list_display = ("pk", "source", "added_at")
    list_filter = ("source",)
    ordering = ("-pk",)


@admin.register(CollectorList)
class CollectorListAdmin(ReadOnlyAdmin):
    """Which list is in use. A file replaces it as a whole, or nothing of it is taken."""

    list_display = ("version", "numbers", "before", "by", "reason", "at")
    actions_list = ("to_replace",)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.replace_view)
        return [path("replace/", view, name="users_collectorlist_replace"), *super().get_urls()]

    def has_replace_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(collectors.MAY_REPLACE)

    @action(description="Replace from a file", url_path="to-replace", permissions=["replace"], icon="upload")
    def to_replace(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:users_collectorlist_replace")

    def replace_view(self, request: HttpRequest) -> HttpResponse:
        """GET asks for the file and why; POST takes all of its lines, or tells what is wrong with which."""
        if not self.has_replace_permission(request):
            raise PermissionDenied
        form = ReplaceForm(request.POST or None, request.FILES or None, question="Why is it replaced?")
        faults: list[tuple[int, str]] = []
        if request.method == "POST" and form.is_valid():
            asked = {"content": form.cleaned_data["file"].read(), "reason": form.cleaned_data["reason"]}
            try:
                with transaction.atomic(durable=True):
                    version = collectors.replace(by=f"staff:{request.user.pk}", at=clock.now(), **asked)
                self.message_user(request, f"Version {version} is in use.")
                return redirect("admin:users_collectorlist_changelist")
            except collectors.BadCollectorFile as error:
                faults = error.data["lines"]
            except Forbidden:
                raise PermissionDenied from None
        shown = {
            **self.admin_site.each_context(request),
            "title": "Replace the list of collectors' numbers",
            "opts": self.opts,
            "form": form,
            "faults": faults[:FAULTS],
            "more": max(len(faults) - FAULTS, 0),
            "columns": collectorfile.COLUMNS,
            "there": CollectorNumber.objects.count(),
            "back": reverse("admin:users_collectorlist_changelist"),
        }
        return TemplateResponse(request, "users/collector_import.html", shown)


@admin.register(CollectedFeatures)
class CollectedFeaturesAdmin(PersonSearch, ReadOnlyAdmin):
    large = True
    ordering = ("-pk",)
    list_display = ("user", "kind", "market", "received_at")
    list_filter = ("kind", "market")
    list_select_related = ("user",)
    raw_id_fields = ("consent",)
    fields = ("user", "kind", "market", "counted", "consent", "received_at")
    readonly_fields = ("counted",)

    @admin.display(description="counted")
    def counted(self, row: Any) -> str:
        return ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in row.features.items())
