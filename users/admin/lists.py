"""Black, grey and white lists: added one by one or from a file, taken off, and looked up by a whole value."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from lending.common import clock
from lending.common.acting import Act, ActingAdmin, ReasonForm
from lending.common.admin import state_badge
from lending.common.errors import DomainError
from users import queries
from users.models import ListEntry, ListSubject
from users.rules import listfile
from users.services import lists

COLOURS = {"black": "red", "grey": "amber", "white": "green"}
MAY_SEE = "users.view_listentry"
FAULTS = 50  # lines shown of a file that is refused


class EntryForm(forms.ModelForm):
    """`value` is read once, turned into its blind index, and not kept."""

    value = forms.CharField(
        max_length=80,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="The whole phone, ID or card number, or a device's fingerprint. Only its index is kept.",
    )
    until = forms.DateField(
        widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}),
        help_text="The last day on the list; after it the entry counts for nothing.",
    )

    class Meta:
        model = ListEntry
        fields = ("kind", "subject", "value", "source", "reason", "until")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("subject") and cleaned.get("value"):
            try:
                cleaned["subject_index"] = lists.subject_index(cleaned["subject"], cleaned["value"])
            except DomainError as error:
                self.add_error("value", error.detail)
        if len((cleaned.get("reason") or "").strip()) < 5:
            self.add_error("reason", "At least five characters.")
        if (until := cleaned.get("until")) and clock.end_of(until) <= clock.now():
            self.add_error("until", "A day to come.")
        if index := cleaned.get("subject_index"):
            there = ListEntry.objects.filter(kind=cleaned.get("kind"), subject_index=index, removed_at=None)
            if there.exclude(expires_at__lte=clock.now()).exists():
                self.add_error("value", lists.AlreadyListed.title)
        return cleaned


class ImportForm(forms.Form):
    file = forms.FileField(
        label="File",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,text/csv"}),
        help_text=f"CSV in UTF-8, at most {listfile.MAX_LINES:,} lines and {listfile.MAX_BYTES // 1_000_000} MB.",
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > listfile.MAX_BYTES:
            raise forms.ValidationError(listfile.TOO_LARGE)
        return file


class LookUpForm(ReasonForm):
    """Posted, so that no value stands in an address or a log of addresses."""

    subject = forms.ChoiceField(label="What", choices=ListSubject.choices, widget=UnfoldAdminSelectWidget)
    value = forms.CharField(
        label="Whole value", max_length=80, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"})
    )

    field_order = ("subject", "value", "reason")


@admin.register(ListEntry)
class ListEntryAdmin(ActingAdmin):
    """Entries are added and taken off here; who did it and when stays on the row."""

    list_display = (
        *("pk", "badge", "subject", "source", "reason", "who_added", "added_at", "expires_at"),
        *("removed_by", "removed_at"),
    )
    list_filter = ("kind", "subject", "source", ("removed_at", admin.EmptyFieldListFilter))
    search_fields = ("reason",)
    search_help_text = "Words of the reason"
    ordering = ("-pk",)
    actions_list = ("look_up", "import_file")
    badge = state_badge("kind", COLOURS, "list")
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

    def prepare(self, rows: Sequence[Any]) -> None:
        names = queries.actor_names(row.added_by for row in rows)
        for row in rows:
            row.added_by_name = names[row.added_by]

    @admin.display(description="added by", ordering="added_by")
    def who_added(self, row: Any) -> str:
        return getattr(row, "added_by_name", None) or queries.actor_name(row.added_by)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("import/", wrap(self.import_view), name="users_listentry_import"),
            path("look-up/", wrap(self.look_up_view), name="users_listentry_look_up_form"),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(lists.MAY_LIST)

    def has_import_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(lists.MAY_LIST)

    @action(description="Import a file", url_path="import-file", permissions=["import"], icon="upload")
    def import_file(self, request: HttpRequest) -> HttpResponse:
        return redirect(reverse("admin:users_listentry_import"))

    @action(description="Look up a value", url_path="ask-look-up", permissions=["view"], icon="search")
    def look_up(self, request: HttpRequest) -> HttpResponse:
        return redirect(reverse("admin:users_listentry_look_up_form"))

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """GET asks for the file; POST takes all of its lines, or tells what is wrong with which."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None)
        faults: list[tuple[int, str]] = []
        if request.method == "POST" and form.is_valid():
            try:
                with transaction.atomic(durable=True):
                    count = lists.import_file(
                        content=form.cleaned_data["file"].read(), by=f"staff:{request.user.pk}", at=clock.now()
                    )
                self.message_user(request, f"{count:,} entries are on the lists.")
                return redirect(reverse("admin:users_listentry_changelist"))
            except lists.BadListFile as error:
                faults = error.data["lines"]
        shown = {"form": form, "faults": faults[:FAULTS], "more": max(len(faults) - FAULTS, 0)}
        words = {
            "columns": (*listfile.REQUIRED, *listfile.OPTIONAL),
            "kinds": [value for value, _ in ListEntry._meta.get_field("kind").flatchoices],
            "subjects": ListSubject.values,
            "sources": [value for value, _ in ListEntry._meta.get_field("source").flatchoices],
        }
        return self._page(request, "users/list_import.html", "Import list entries", shown | words)

    def look_up_view(self, request: HttpRequest) -> HttpResponse:
        """GET asks for the value and why; POST records who looked for what and why, then shows the entries."""
        if not request.user.has_perm(MAY_SEE):
            raise PermissionDenied
        form = LookUpForm(request.POST or None, question="Why do you look it up?")
        found = None
        if form.is_valid():
            try:
                with transaction.atomic(durable=True):
                    found = lists.look_up(by=f"staff:{request.user.pk}", at=clock.now(), **form.cleaned_data)
            except DomainError as error:
                form.add_error("value", error.detail)
        return self._page(request, "users/list_look_up.html", "Look up a value", {"form": form, "found": found})

    def _page(self, request: HttpRequest, template: str, title: str, shown: dict[str, Any]) -> HttpResponse:
        back = reverse("admin:users_listentry_changelist")
        context = {**self.admin_site.each_context(request), "title": title, "opts": self.opts, "back": back}
        return TemplateResponse(request, template, context | shown | {"colours": COLOURS})

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs |= {"form": EntryForm, "fields": EntryForm.Meta.fields}
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = (
            "kind",
            "subject",
            "source",
            "reason",
            "added_by",
            "added_at",
            "expires_at",
            "removed_by",
            "removed_at",
        )
        return EntryForm.Meta.fields if obj is None else shown

    def save_model(self, request: HttpRequest, obj: ListEntry, form: Any, change: bool) -> None:
        with transaction.atomic():
            obj.pk = lists.add(
                kind=obj.kind,
                subject=obj.subject,
                value=form.cleaned_data["value"],
                source=obj.source,
                reason=obj.reason,
                by=f"staff:{request.user.pk}",
                at=clock.now(),
                expires_at=clock.end_of(form.cleaned_data["until"]),
            )
