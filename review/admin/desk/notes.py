"""Forms of notes and files on the page of a case, and the table of files, whose content is read for a reason."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import admin

from lending import queries as lending
from lending.common.admin import ExactSearch, ReadOnlyAdmin, instant, linked
from lending.common.revealing import Revealing
from lending.common.shown import file_in_page
from review.models import Attachment, AttachmentKind, CaseNote
from review.services.notes import MAX_NOTE
from users import queries as users
from users.services import access

PLAIN = {"class": "desk-field"}


class NoteForm(forms.Form):
    text = forms.CharField(
        label="备注 Note", max_length=MAX_NOTE, widget=forms.Textarea(PLAIN | {"rows": 2, "placeholder": " "})
    )


class AttachmentForm(forms.Form):
    kind = forms.ChoiceField(label="种类 What it is", choices=AttachmentKind.choices, widget=forms.Select(PLAIN))
    title = forms.CharField(label="名称 Name", max_length=120, widget=forms.TextInput(PLAIN))
    file = forms.FileField(
        label="文件 File, JPEG, PNG or PDF to 8 MB",
        widget=forms.ClearableFileInput(PLAIN | {"accept": "image/jpeg,image/png,application/pdf"}),
    )


def ending(name: str) -> str:
    """jpg, png or pdf, of a file in the vault."""
    return name.removesuffix(".enc").rpartition(".")[2]


class Signed(ReadOnlyAdmin):
    """Rows that staff wrote: by whom, looked up for a page at one go."""

    @admin.display(description="by", ordering="by")
    def who(self, row: Any) -> str:
        return getattr(row, "writer", None) or users.actor_name(row.by)

    def prepare(self, rows: Sequence[Any]) -> None:
        names = users.actor_names(row.by for row in rows)
        for row in rows:
            row.writer = names[row.by]


@admin.register(Attachment)
class AttachmentAdmin(ExactSearch, Revealing, Signed):
    """What is in a file is personal data: it is shown to whoever says why, and that is logged."""

    recorder = access.record
    refusal_recorder = access.record_refusal
    revealed: Mapping[str, Any] = {
        "file": lambda row: file_in_page(lending.brought_file(row.file), ending(row.file), row.title)
    }
    large = True
    list_display = ("kind", "title", "case_page", "size", "who", "when")
    list_filter = ("kind",)
    list_select_related = ("case",)
    search_ids = ("case__application__public_id",)
    fields = ("kind", "title", "case_page", "size", "sha256", "who", "when")
    readonly_fields = ("case_page", "who", "when")
    case_page = linked("case", text=lambda case: f"#{case.pk}")
    when = instant("at", "added")

    def reveal_subject(self, row: Attachment) -> str:
        return f"user:{row.case.borrower_id}"


@admin.register(CaseNote)
class CaseNoteAdmin(ExactSearch, Signed):
    """Who wrote when; the text stands on the case."""

    large = True
    list_display = ("pk", "case_page", "who", "when")
    list_select_related = ("case",)
    search_ids = ("case__application__public_id",)
    fields = ("case_page", "who", "when", "seal")
    readonly_fields = ("case_page", "who", "when")
    case_page = linked("case", text=lambda case: f"#{case.pk}")
    when = instant("at", "written")
