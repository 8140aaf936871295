"""The row that a page of its own is about."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from lending.common.admin import ReadOnlyAdmin


def found(page: ReadOnlyAdmin, request: HttpRequest, object_id: int) -> Any:
    """Raises Http404, PermissionDenied."""
    row = page.get_object(request, str(object_id))
    if row is None:
        raise Http404
    if not page.has_view_permission(request, row):
        raise PermissionDenied
    return row
