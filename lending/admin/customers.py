"""Borrowers, masked, with what they asked for, were granted and owe."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from lending.admin import colours
from lending.admin.people import CustomerSearch
from lending.common.admin import (
    ReadOnlyAdmin,
    ReadOnlyInline,
    age,
    day,
    instant,
    linked,
    masked,
    money,
    page_link,
    short,
    short_id,
    state_badge,
)
from lending.common.crypto import mask_id, mask_name, mask_phone
from lending.models import Application, Customer, Grant, Loan


class _Rows(ReadOnlyInline):
    """Of one borrower, each with a link to its page."""

    fk_name = "user"
    hide_title = True

    @admin.display(description="number")
    def number(self, row: Any) -> SafeString:
        return page_link(type(row), row.pk, short(row))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("product")


class ApplicationInline(_Rows):
    model = Application
    fields = readonly_fields = ("number", "badge", "sort", "channel_code", "asked", "decided", "grade", "created")
    badge = state_badge("status", colours.APPLICATION)
    sort = linked("product")
    asked, decided, created = money("asked_cents"), money("decided_cents", "granted"), instant("created_at")


class GrantInline(_Rows):
    model = Grant
    fields = readonly_fields = ("number", "badge", "sort", "limit", "used", "pending", "free", "valid")
    badge = state_badge("status", colours.GRANT)
    sort = linked("product")
    limit, used, pending = money("limit_cents"), money("used_cents"), money("pending_cents")
    free, valid = money("free_cents"), instant("valid_until")


class LoanInline(_Rows):
    model = Loan
    fields = readonly_fields = ("number", "badge", "sort", "principal", "months", "creditor", "dpd", "since")
    badge = state_badge("status", colours.LOAN)
    sort = linked("product")
    principal, since = money("principal_cents"), day("value_date", "value date")


@admin.register(Customer)
class CustomerAdmin(CustomerSearch, ReadOnlyAdmin):
    list_display = ("number", "shown_phone", "shown_name", "province", "level", "language", "is_active", "since")
    list_filter = ("is_active", "level_row__level", "language", "created_at")
    list_select_related = ("profile", "level_row__level")
    search_customer = "pk"
    ordering = ("-pk",)
    fields = (
        *("public_id", "shown_phone", "shown_name", "shown_id", "province", "level", "language", "is_active"),
        *("account", "created"),
    )
    inlines = (ApplicationInline, GrantInline, LoanInline)
    number = short_id()
    shown_phone = masked("phone", mask_phone)
    shown_name = masked("profile.name", mask_name, "name")
    shown_id = masked("profile.id_number", mask_id, "ID number")
    province = masked("profile.province", str, "province")
    level = linked("level_row.level")
    since, created = age("created_at", "with us"), instant("created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        return super().get_queryset(request).filter(kind="borrower")

    @admin.display(description="account, cards, consents")
    def account(self, customer: Customer) -> SafeString:
        return page_link("users.user", customer.pk, "what the borrower declared")
