"""Sources and checks, lists, and the access log."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminTextInputWidget

from lending.common import clock
from lending.common.admin import ReadOnlyAdmin, money, state_badge
from lending.common.errors import DomainError
from users.admin.search import PersonSearch
from users.models import AccessLog, Check, ListEntry, Source
from users.services import lists

CHECK_COLOURS = {"pending": "teal", "passed": "green", "failed": "red", "dead": "amber"}
LIST_COLOURS = {"black": "red", "grey": "amber", "white": "green"}


@admin.register(Source)
class SourceAdmin(ReadOnlyAdmin):
    list_display = (
        "code",
        "name_zh",
        "stage",
        "scenario",
        "price",
        "timeout_ms",
        "fresh_days",
        "fallback",
        "dead",
        "consent_code",
        "recipient",
        "enabled",
    )
    list_filter = ("enabled", "stage", "scenario", "dead")
    search_fields = ("code", "name_zh", "name_en")
    list_select_related = ("fallback",)
    price = money("price_cents")


@admin.register(Check)
class CheckAdmin(PersonSearch, ReadOnlyAdmin):
    list_display = ("pk", "user", "kind", "badge", "source", "price", "attempts", "failure", "created_at", "checked_at")
    list_filter = ("kind", "state", "source", "created_at")
    list_select_related = ("user", "source")
    ordering = ("-pk",)
    fields = (
        "key",
        "user",
        "kind",
        "card",
        "badge",
        "source",
        "price",
        "consent",
        "recipient",
        "attempts",
        "not_before",
        "leased_until",
        "failure",
        "created_at",
        "checked_at",
    )
    readonly_fields = ("badge", "price")
    badge = state_badge("state", CHECK_COLOURS, "state")
    price = money("price_cents", "spent")


class ListEntryForm(forms.ModelForm):
    """`value` is read once, turned into its blind index, and not kept."""

    value = forms.CharField(max_length=80, widget=UnfoldAdminTextInputWidget, help_text="Phone, ID, card or device")

    class Meta:
        model = ListEntry
        fields = ("kind", "subject", "value", "reason", "expires_at")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("subject") and cleaned.get("value"):
            try:
                cleaned["subject_index"] = lists.subject_index(cleaned["subject"], cleaned["value"])
            except DomainError as error:
                self.add_error("value", error.detail)
        index = cleaned.get("subject_index")
        there = ListEntry.objects.filter(kind=cleaned.get("kind"), subject_index=index, removed_at=None)
        if index and there.exists():
            self.add_error("value", lists.AlreadyListed.title)
        return cleaned


@admin.register(ListEntry)
class ListEntryAdmin(ReadOnlyAdmin):
    """Entries are added and taken off here; who did it and when stays on the row."""

    list_display = (
        "pk",
        "badge",
        "subject",
        "reason",
        "added_by",
        "added_at",
        "expires_at",
        "removed_by",
        "removed_at",
    )
    list_filter = ("kind", "subject", ("removed_at", admin.EmptyFieldListFilter))
    search_fields = ("reason", "added_by")
    ordering = ("-pk",)
    badge = state_badge("kind", LIST_COLOURS, "list")
    actions = ("take_off",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("users.add_listentry")

    def has_take_off_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("users.add_listentry")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs |= {"form": ListEntryForm, "fields": ListEntryForm.Meta.fields}
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ListEntryForm.Meta.fields if obj is None else ("kind", "subject", "reason", "added_by", "added_at")

    def save_model(self, request: HttpRequest, obj: ListEntry, form: Any, change: bool) -> None:
        with transaction.atomic():
            obj.pk = lists.add(
                kind=obj.kind,
                subject=obj.subject,
                value=form.cleaned_data["value"],
                reason=obj.reason,
                by=f"staff:{request.user.pk}",
                at=clock.now(),
                expires_at=obj.expires_at,
            )

    @admin.action(description="Take off the list", permissions=["take_off"])
    def take_off(self, request: HttpRequest, queryset: QuerySet[ListEntry]) -> None:
        live = list(queryset.filter(removed_at=None).values_list("pk", flat=True))
        with transaction.atomic():
            for entry_id in live:
                lists.remove(entry_id=entry_id, by=f"staff:{request.user.pk}", at=clock.now())
        messages.success(request, f"{len(live)} taken off.")


@admin.register(AccessLog)
class AccessLogAdmin(ReadOnlyAdmin):
    list_display = ("at", "by", "subject", "fields_seen", "reason")
    list_filter = ("at",)
    search_fields = ("by", "subject", "reason")

    @admin.display(description="fields")
    def fields_seen(self, entry: AccessLog) -> str:
        return ", ".join(entry.fields)
