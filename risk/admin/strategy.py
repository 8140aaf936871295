"""Scenarios, and the releases that serve them."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from lending.common.admin import ReadOnlyAdmin, ReadOnlyInline
from risk.admin.shown import pretty
from risk.models import Binding, Release, Scenario


class BindingInline(ReadOnlyInline):
    model = Binding
    fields = ("role", "product_code", "channel_code", "release", "in_force_from")


@admin.register(Scenario)
class ScenarioAdmin(ReadOnlyAdmin):
    list_display = ("code", "title_zh", "title_en", "in_force")
    search_fields = ("code", "title_zh", "title_en")
    inlines = (BindingInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Scenario]:
        return super().get_queryset(request).prefetch_related("bindings__release")

    @admin.display(description="in force")
    def in_force(self, obj: Scenario) -> str:
        bindings = sorted(obj.bindings.all(), key=lambda row: row.in_force_from)
        latest = {row.role: str(row.release) for row in bindings}
        return " · ".join(f"{role}: {release}" for role, release in latest.items()) or "-"


@admin.register(Release)
class ReleaseAdmin(ReadOnlyAdmin):
    list_display = ("key", "version", "form", "scenario", "short_hash", "engine", "author", "approver", "released_at")
    list_filter = ("form", "scenario", "key")
    search_fields = ("key", "sha256")
    list_select_related = ("scenario",)
    fields = (*list_display[:4], "sha256", *list_display[5:], "pins", "authored_text", "graph_text")
    readonly_fields = ("authored_text", "graph_text")

    @admin.display(description="hash")
    def short_hash(self, obj: Release) -> str:
        return obj.sha256[:12]

    @admin.display(description="authored form")
    def authored_text(self, obj: Release) -> SafeString | str:
        return pretty(obj.authored) if obj.authored else "-"

    @admin.display(description="graph")
    def graph_text(self, obj: Release) -> SafeString:
        return pretty(obj.graph)
