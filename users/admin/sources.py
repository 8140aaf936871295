"""The register of sources."""

from django.contrib import admin

from lending.common.admin import ReadOnlyAdmin, instant, money, state_badge
from users.models import Drill, Source

MODES = {"dead": "red", "slow": "amber", "wrong": "amber"}


@admin.register(Source)
class SourceAdmin(ReadOnlyAdmin):
    list_display = (
        *("code", "name_zh", "vendor", "stage", "scenario", "price", "timeout_ms", "fresh_days", "fallback", "dead"),
        *("consent_code", "recipient", "enabled"),
    )
    list_filter = ("enabled", "stage", "scenario", "dead", "vendor")
    search_fields = ("code", "name_zh", "name_en", "vendor")
    list_select_related = ("fallback",)
    price = money("price_cents")


@admin.register(Drill)
class DrillAdmin(ReadOnlyAdmin):
    list_display = ("pk", "source", "badge", "began", "ends", "ended", "reason")
    list_filter = ("mode", "source")
    list_select_related = ("source",)
    badge = state_badge("mode", MODES, "made to seem")
    began = instant("started_at", "began")
    ends = instant("until", "until")
    ended = instant("ended_at", "stopped")
