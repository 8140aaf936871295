"""Monitoring: the days of what decides, and a page a scenario with charts."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from lending.common import clock
from lending.common.admin import ReadOnlyAdmin, day, instant
from lending.common.shown import LINK, badge, right
from risk.admin import monitoring_page
from risk.models import MonitoringDay, Scenario
from risk.rules import monitoring


@admin.register(MonitoringDay)
class MonitoringDayAdmin(ReadOnlyAdmin):
    list_display = ("on", "scenario", "release", "how_many", "approval", "psi", "moved", "compared_with")
    list_filter = ("scenario", "release", "day")
    list_select_related = ("scenario", "release")
    list_before_template = "risk/monitoring_scenarios.html"
    fields = (
        *("day", "scenario", "release", "chart", "decisions", "approved", "referred", "declined", "psi"),
        *("moved", "compared_with", "reasons", "unknown", "looked_at", "measured"),
    )
    readonly_fields = ("chart", "psi", "moved", "measured")
    on = day("day", "day")
    measured = instant("measured_at", "measured")

    @admin.display(description="decisions", ordering="decisions")
    def how_many(self, obj: MonitoringDay) -> SafeString:
        return right(f"{obj.decisions:,}")

    @admin.display(description="approved")
    def approval(self, obj: MonitoringDay) -> SafeString:
        return right(f"{obj.approval_rate:.1%}")

    @admin.display(description="score PSI")
    def psi(self, obj: MonitoringDay) -> SafeString:
        return right("-" if obj.score_psi is None else f"{obj.score_psi:.3f}")

    @admin.display(description="alarms")
    def moved(self, obj: MonitoringDay) -> SafeString | str:
        told = "; ".join(monitoring.told(monitoring.Alarm(**alarm)) for alarm in obj.alarms)
        return format_html("{} {}", badge("red", "moved"), told) if told else "-"

    @admin.display(description="by day")
    def chart(self, obj: MonitoringDay) -> SafeString:
        address = reverse("admin:risk_monitoring", args=[obj.scenario.code])
        return format_html(LINK, f"{address}?release={obj.release_id}", f"{obj.release} by day, with its level")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        shown = {"scenarios": Scenario.objects.only("code", "title_en")}
        answer: HttpResponse = super().changelist_view(request, (extra_context or {}) | shown)
        return answer

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site.admin_view
        return [path("scenario/<slug:code>/", site(self.scenario_view), name="risk_monitoring"), *super().get_urls()]

    def scenario_view(self, request: HttpRequest, code: str) -> HttpResponse:
        """`?release=` chooses another than the one in force."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        scenario, asked = get_object_or_404(Scenario, code=code), request.GET.get("release", "")
        shown = {
            **self.admin_site.each_context(request),
            **monitoring_page.composed(scenario, int(asked) if asked.isdigit() else None, clock.now()),
            "title": f"Monitoring of {scenario.code}",
            "opts": self.opts,
        }
        return render(request, "risk/monitoring.html", shown)
