"""The journal: what moved, between which accounts."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from lending.common.admin import ExactSearch, ReadOnlyAdmin, ReadOnlyInline, day, instant, linked, short
from lending.common.money import format_cents
from lending.common.shown import page_link, right
from lending.models import Account, Entry, Journal


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "kind", "book", "currency")
    list_filter = ("book", "kind")
    search_fields = ("kind", "book")


class Legs:
    """An entry's amount in the column of its side."""

    @admin.display(description="debit")
    def debit(self, entry: Entry) -> SafeString | str:
        return right(format_cents(entry.amount_cents)) if entry.amount_cents > 0 else ""

    @admin.display(description="credit")
    def credit(self, entry: Entry) -> SafeString | str:
        return right(format_cents(-entry.amount_cents)) if entry.amount_cents < 0 else ""


class EntryInline(Legs, ReadOnlyInline):
    model = Entry
    hide_title = True
    fields = readonly_fields = ("of", "debit", "credit")
    of = linked("account")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        return super().get_queryset(request).select_related("account")


@admin.register(Journal)
class JournalAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
    list_display = ("key", "kind", "of", "party", "on", "posted", "corrects")
    list_filter = ("kind", "business_date", ("reverses", admin.EmptyFieldListFilter))
    list_select_related = ("loan", "reverses")
    search_ids = ("loan__public_id",)
    search_codes = ("key",)
    search_help_text = "A whole key, or the first characters of a loan's public id"
    fields = list_display
    inlines = (EntryInline,)
    of, corrects = linked("loan", text=short), linked("reverses", text=lambda row: row.key)
    on, posted = day("business_date", "business day"), instant("posted_at")


@admin.register(Entry)
class EntryAdmin(Legs, ExactSearch, ReadOnlyAdmin):
    large = True
    list_display = ("id", "what", "of", "debit", "credit", "loan", "on")
    list_filter = ("account", "journal__kind", "journal__business_date")
    list_select_related = ("journal__loan", "account")
    search_ids = ("journal__loan__public_id",)
    search_codes = ("journal__key",)
    search_help_text = "A journal's whole key, or the first characters of a loan's public id"
    ordering = ("-id",)
    fields = list_display[1:]
    of, loan = linked("account"), linked("journal.loan", text=short)

    @admin.display(description="journal", ordering="journal")
    def what(self, entry: Entry) -> SafeString:
        return page_link(Journal, entry.journal_id, entry.journal.key)

    @admin.display(description="business day", ordering="journal__business_date")
    def on(self, entry: Entry) -> str:
        return entry.journal.business_date.isoformat()
