"""What is collected from borrowers' phones: the market's rows, and what was counted."""

from typing import Any

from django.contrib import admin

from lending.common.admin import ReadOnlyAdmin
from users.admin.search import PersonSearch
from users.models import CollectedFeatures, CollectionRule, CollectorNumber


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
