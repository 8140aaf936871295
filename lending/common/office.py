"""The back office's site: Unfold's, with the list of all tables drawn up only where a page shows it."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from unfold.sites import UnfoldAdminSite


class OfficeSite(UnfoldAdminSite):
    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Every page asks for it, with four permissions and three addresses a table; ours show the sidebar instead."""
        drawn_up = super().get_app_list
        return SimpleLazyObject(lambda: drawn_up(request, app_label))
