"""Borrowers: found by a whole number, shown on one page with all that they asked for, were granted and owe."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from unfold.decorators import action

from lending import overview
from lending.admin import colours
from lending.admin.navigation import may_view
from lending.admin.people import CustomerSearch
from lending.common import clock
from lending.common.admin import ReadOnlyAdmin, age, linked, masked, short_id
from lending.common.composed import ComposedPage
from lending.common.crypto import mask_name, mask_phone
from lending.common.revealing import Revealing
from lending.models import Customer
from users import queries as users
from users.services import access, tags


@admin.register(Customer)
class CustomerAdmin(CustomerSearch, ComposedPage, Revealing, ReadOnlyAdmin):
    list_display = ("number", "shown_phone", "shown_name", "province", "level", "language", "is_active", "since")
    list_filter = ("is_active", "level_row__level", "language", "created_at")
    list_select_related = ("profile", "level_row__level")
    large = True
    search_customer = "pk"
    ordering = ("-pk",)
    change_form_outer_before_template = "lending/office/customer.html"
    number = short_id()
    shown_phone = masked("phone", mask_phone)
    shown_name = masked("profile.name", mask_name, "name")
    province = masked("profile.province", str, "province")
    level = linked("level_row.level")
    since = age("created_at", "with us")
    actions_detail = ("to_put_tag", "reveal")
    recorder = access.record
    refusal_recorder = access.record_refusal
    revealed = {
        "phone": lambda row: users.person(row.pk).phone,
        "name": lambda row: users.person(row.pk).name,
        "ID number": lambda row: users.person(row.pk).id_number,
        "address": lambda row: users.person(row.pk).address,
        "employer": lambda row: users.person(row.pk).employer,
        "contacts": lambda row: "; ".join(
            f"{contact.relation} {contact.name} {contact.phone}" for contact in users.person(row.pk).contacts
        ),
    }

    def has_put_tag_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(tags.MAY_TAG)

    @action(description="Put a tag on", url_path="put-tag", permissions=["put_tag"], icon="label")
    def to_put_tag(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect(reverse("admin:users_tag_put", args=[object_id]))

    def reveal_subject(self, row: Customer) -> str:
        return f"user:{row.pk}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        return super().get_queryset(request).filter(kind="borrower")

    def composed(self, request: HttpRequest, pk: int) -> dict[str, Any]:
        page = overview.customer_page(pk, may=lambda label: may_view(label, request), at=clock.now())
        return {"page": page, "states": colours.for_pages(), "title": f"Customer {page.who.public_id[:8]}"}
