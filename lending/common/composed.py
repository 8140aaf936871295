"""A row's page that is composed from every app's reads and shown by a template, in place of the form."""

from typing import Any

from django.contrib.admin.options import ModelAdmin
from django.http import Http404, HttpRequest, HttpResponse


class ComposedPage(ModelAdmin):
    """`composed(request, pk)` gives the template its values; nobody without the permission to view gets any."""

    composed: Any

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return []  # the template shows the page

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        shown = self.composed(request, row.pk) if self.has_view_permission(request, row) else {}
        answer: HttpResponse = super().change_view(request, object_id, form_url, (extra_context or {}) | shown)
        return answer
