"""The checklists as tables, and the door through which a case's list is ticked."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from lending.common import clock
from lending.common.admin import ReadOnlyAdmin
from lending.common.errors import DomainError
from review import services
from review.models import ChecklistItem, ChecklistTick


@admin.register(ChecklistItem)
class ChecklistItemAdmin(ReadOnlyAdmin):
    list_display = ["queue", "position", "text_zh", "text_en", "needed_for", "active"]
    list_filter = ["queue", "needed_for", "active"]
    list_select_related = ["queue"]


@admin.register(ChecklistTick)
class ChecklistTickAdmin(ReadOnlyAdmin):
    large = True
    list_display = ["ticked_at", "case", "item", "by", "taken_back_at", "taken_back_by"]
    list_filter = ["item__queue"]
    list_select_related = ["case", "item", "by", "taken_back_by"]

    def get_urls(self) -> list[URLPattern]:
        mark = self.admin_site.admin_view(self.mark_view)
        return [path("mark/<int:case_id>/", mark, name="review_checklisttick_mark"), *super().get_urls()]

    def mark_view(self, request: HttpRequest, case_id: int, **_kwargs: Any) -> HttpResponse:
        """The boxes that are ticked now, of a case that one holds."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            with transaction.atomic(durable=True):
                services.checklist.mark(
                    case_id=case_id, by_id=request.user.pk or 0, keys=request.POST.getlist("keys"), at=clock.now()
                )
        except DomainError as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, _("The checklist is kept."))
        return redirect("admin:review_case_change", case_id)
