"""Calls of partners, and the console on top of them."""

import time
from datetime import UTC, date, datetime, timedelta

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path

from lending.common import clock, period
from lending.common.admin import ReadOnlyAdmin
from lending.common.errors import DomainError
from lending.common.tables import download
from traffic.admin import figures
from traffic.models import PartnerCall
from traffic.queries import console, reconciliation

A_DAY = timedelta(days=1)


@admin.register(PartnerCall)
class PartnerCallAdmin(ReadOnlyAdmin):
    large = True
    list_display = ("id", "at", "channel", "operation", "verdict", "status", "code", "ms")
    list_filter = ("channel", "operation", "status")
    list_select_related = ("channel",)
    list_before_template = "traffic/office/calls.html"
    exclude = ("nonce",)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("console/", wrap(self.console_view), name="traffic_console"),
            path("console/reconciliation/", wrap(self.reconciliation_view), name="traffic_reconciliation"),
            *super().get_urls(),
        ]

    def console_view(self, request: HttpRequest) -> HttpResponse:
        """The page, or one of its tables as a file."""
        if not (self.has_view_permission(request) and request.user.has_perm("traffic.view_statuspush")):
            raise PermissionDenied
        at = clock.now()
        span = period.read(request.GET, clock.business_date(at), "channel")
        codes = console.channel_codes()
        chosen = request.GET.get("channel", "")
        found = console.console(
            channels=(chosen,) if chosen in codes else codes,
            since=span.since,
            until=span.until,
            at=at,
            now=datetime.fromtimestamp(time.time(), UTC),
        )
        tables = figures.tables(found)
        if wanted := request.GET.get("csv"):
            table = next((table for table in (figures.channels(found), *tables) if table.code == wanted), None)
            if table is None:
                raise Http404
            return download(table, f"partners-{table.code}-{span.since}-{span.until}")
        shown = {"title": "Partner console", "span": span, "found": found, "tables": tables, "codes": codes}
        mine = {"chosen": chosen if chosen in codes else "", "yesterday": clock.business_date(at - A_DAY)}
        context = {**self.admin_site.each_context(request), "opts": self.opts}
        return render(request, "traffic/office/console.html", context | shown | mine)

    def reconciliation_view(self, request: HttpRequest) -> HttpResponse:
        """A channel's day as a file."""
        if not request.user.has_perm("traffic.view_statuspush"):
            raise PermissionDenied
        channel, asked = request.GET.get("channel", ""), request.GET.get("day", "")
        if channel not in console.channel_codes():
            raise Http404
        try:
            day = date.fromisoformat(asked)
            lines = reconciliation.day_of(channel, day, at=clock.now())
        except (ValueError, DomainError) as error:
            told = error.detail if isinstance(error, DomainError) else "That is no day."
            messages.error(request, f"No file of {asked[:10] or 'no day'}: {told}")
            return redirect("admin:traffic_console")
        return download(figures.reconciliation(lines), f"reconciliation-{channel}-{day}")
