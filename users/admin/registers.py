"""Sources and checks, lists, and the access log."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextInputWidget

from lending.common import clock
from lending.common.acting import Act, ActingAdmin
from lending.common.admin import ExactSearch, ReadOnlyAdmin, instant, money, state_badge
from lending.common.errors import DomainError
from lending.common.shown import subject_link
from users import queries
from users.admin.search import PersonSearch
from users.models import AccessLog, Check, ListEntry, Source, StaffAct, User
from users.services import acts, lists

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
    large = True
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
class ListEntryAdmin(ActingAdmin):
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
    acts = {
        "take_off": Act(
            title="Take off the list",
            question="Why does it no longer belong on the list?",
            done="taken off",
            permission=lists.MAY_LIST,
            perform=lambda pk, **why: lists.remove(entry_id=pk, **why),
            can=lambda entry: entry.removed_at is None,
            icon="playlist_remove",
        )
    }

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(lists.MAY_LIST)

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


class ByStaff(ExactSearch):
    """Who, whose and when of the two logs, which have no foreign keys."""

    search_ids = ()
    search_help_text = "A whole subject (user:17, notice:5), a whole staff user name, or a whole phone or ID number"
    when = instant("at", "when")

    def found(self, term: str) -> Q:
        staff = User.objects.filter(username=term).values_list("pk", flat=True)
        people = queries.people_with_number(term)
        return Q(subject__in=[term, *(f"user:{pk}" for pk in people)]) | Q(by__in=[f"staff:{pk}" for pk in staff])

    def prepare(self, rows: Sequence[Any]) -> None:
        names = queries.actor_names(row.by for row in rows)
        for row in rows:
            row.by_name = names[row.by]

    @admin.display(description="who", ordering="by")
    def who(self, row: Any) -> str:
        return getattr(row, "by_name", None) or queries.actor_name(row.by)

    @admin.display(description="about", ordering="subject")
    def whose(self, row: Any) -> SafeString | str:
        return subject_link(row.subject)


class ActFilter(admin.SimpleListFilter):
    title, parameter_name = "act", "act"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(code, code.replace("_", " ")) for code in acts.ACTS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[StaffAct]) -> QuerySet[StaffAct]:
        return queryset.filter(act=self.value()) if self.value() else queryset


@admin.register(AccessLog)
class AccessLogAdmin(ByStaff, ReadOnlyAdmin):
    large = True
    ordering = ("-pk",)
    list_display = ("when", "who", "whose", "fields_seen", "reason")
    list_filter = ("at",)
    fields = list_display

    @admin.display(description="fields")
    def fields_seen(self, entry: AccessLog) -> str:
        return ", ".join(entry.fields)


@admin.register(StaffAct)
class StaffActAdmin(ByStaff, ReadOnlyAdmin):
    """The audit trail: everything that somebody on the staff changed, with the reason given."""

    large = True
    list_display = ("when", "who", "did", "whose", "reason")
    list_filter = (ActFilter, "at")
    fields = list_display

    @admin.display(description="act")
    def did(self, row: StaffAct) -> str:
        return row.act.replace("_", " ")
