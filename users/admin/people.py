"""Accounts, profiles, contacts, cards, devices."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django_otp.plugins.otp_totp.models import TOTPDevice

from lending.common.admin import ExactSearch, ReadOnlyAdmin, ReadOnlyInline, masked, money, state_badge
from lending.common.crypto import mask_card, mask_id, mask_ip, mask_name, mask_phone
from lending.common.revealing import Revealing
from users.admin.search import PersonSearch
from users.models import BankCard, Contact, Device, Erasure, LoginCode, Profile, Tag, Token, User
from users.services import access

CARD_COLOURS = {"added": "teal", "checked": "amber", "confirmed": "green", "refused": "red", "removed": "grey"}


def hidden(value: str) -> str:
    return "•••"


class ProfileInline(ReadOnlyInline):
    model = Profile
    fields = readonly_fields = ("shown_name", "shown_number", "id_expires_on", "province", "employment", "income")
    shown_name = masked("name", mask_name, "name")
    shown_number = masked("id_number", mask_id, "ID number")
    income = money("net_income_cents", "net income")


class ContactInline(ReadOnlyInline):
    model = Contact
    fields = readonly_fields = ("position", "relation", "shown_name", "shown_phone")
    shown_name = masked("name", mask_name, "name")
    shown_phone = masked("phone", mask_phone, "phone")


class TagInline(ReadOnlyInline):
    model = Tag
    fields = readonly_fields = ("tag", "source", "reason", "put_at", "expires_at")


@admin.register(User)
class UserAdmin(PersonSearch, Revealing, ReadOnlyAdmin):
    large = True
    person_prefix = ""
    list_display = ("public_id", "kind", "username", "full_name", "shown_phone", "is_active", "created_at")
    list_filter = ("kind", "is_active", "groups", "created_at")
    ordering = ("-pk",)
    fields = (
        "public_id",
        "kind",
        "username",
        "full_name",
        "shown_phone",
        "language",
        "is_active",
        "groups",
        "last_login",
        "created_at",
    )
    readonly_fields = ("shown_phone", "public_id")
    inlines = (ProfileInline, ContactInline, TagInline)
    shown_phone = masked("phone", mask_phone, "phone")
    recorder = access.record
    refusal_recorder = access.record_refusal
    revealed = {
        "phone": lambda user: user.phone,
        "name": lambda user: _profile(user).name,
        "id_number": lambda user: _profile(user).id_number,
        "address": lambda user: _profile(user).address,
        "employer": lambda user: _profile(user).employer,
        "contacts": lambda user: "; ".join(
            f"{contact.get_relation_display()} {contact.name} {contact.phone}" for contact in user.contacts.all()
        ),
    }

    def reveal_subject(self, row: User) -> str:
        return f"user:{row.pk}"


def _profile(user: User) -> Profile:
    return Profile.objects.filter(user=user).first() or Profile(user=user)


@admin.register(Profile)
class ProfileAdmin(PersonSearch, ReadOnlyAdmin):
    large = True
    ordering = ("-pk",)
    list_display = ("user", "shown_name", "shown_number", "province", "city", "employment", "income", "updated_at")
    list_filter = ("province", "employment")
    list_select_related = ("user",)
    fields = (
        "user",
        "shown_name",
        "shown_number",
        "id_expires_on",
        "province",
        "city",
        "shown_address",
        "employment",
        "shown_employer",
        "job",
        "income",
        "elsewhere",
        "declared",
        "updated_at",
        "updated_by",
    )
    readonly_fields = ("shown_name", "shown_number", "shown_address", "shown_employer", "income", "elsewhere")
    shown_name = masked("name", mask_name, "name")
    shown_number = masked("id_number", mask_id, "ID number")
    shown_address = masked("address", hidden, "address")
    shown_employer = masked("employer", hidden, "employer")
    income = money("net_income_cents", "net income a month")
    elsewhere = money("instalments_elsewhere_cents", "instalments elsewhere a month")


@admin.register(Contact)
class ContactAdmin(PersonSearch, ReadOnlyAdmin):
    large = True
    ordering = ("-pk",)
    list_display = ("user", "position", "relation", "shown_name", "shown_phone", "created_at")
    list_filter = ("relation",)
    list_select_related = ("user",)
    fields = ("user", "position", "relation", "shown_name", "shown_phone", "created_at")
    readonly_fields = ("shown_name", "shown_phone")
    shown_name = masked("name", mask_name, "name")
    shown_phone = masked("phone", mask_phone, "phone")


@admin.register(BankCard)
class BankCardAdmin(PersonSearch, Revealing, ReadOnlyAdmin):
    large = True
    ordering = ("-pk",)
    list_display = ("public_id", "user", "bank", "shown_holder", "shown_number", "badge", "created_at", "confirmed_at")
    list_filter = ("state", "bank")
    list_select_related = ("user",)
    fields = (
        "public_id",
        "user",
        "bank",
        "shown_holder",
        "shown_number",
        "shown_phone",
        "badge",
        "created_at",
        "confirmed_at",
    )
    readonly_fields = ("public_id", "shown_holder", "shown_number", "shown_phone", "badge")
    shown_holder = masked("holder", mask_name, "holder")
    shown_number = masked("number", mask_card, "number")
    shown_phone = masked("phone", mask_phone, "phone")
    badge = state_badge("state", CARD_COLOURS, "state")
    recorder = access.record
    refusal_recorder = access.record_refusal
    revealed = {
        "holder": lambda card: card.holder,
        "number": lambda card: card.number,
        "phone": lambda card: card.phone,
    }


@admin.register(Device)
class DeviceAdmin(PersonSearch, ReadOnlyAdmin):
    large = True
    ordering = ("-pk",)
    list_display = ("user", "platform", "model", "is_emulator", "is_rooted", "last_seen_at")
    list_filter = ("platform", "is_emulator", "is_rooted")
    list_select_related = ("user",)
    raw_id_fields = ("consent",)
    readonly_fields = ("shown_ip",)
    shown_ip = masked("ip", mask_ip, "address")


@admin.register(Erasure)
class ErasureAdmin(PersonSearch, ReadOnlyAdmin):
    """Accounts that their owners had erased, and what the law keeps of them until when."""

    large = True
    list_display = ("user", "erased_at", "kept", "keep_until", "forgotten_at", "by")
    list_filter = ("erased_at",)
    list_select_related = ("user",)
    ordering = ("-pk",)


@admin.register(LoginCode)
class LoginCodeAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ()
    search_codes = ("subject",)
    list_display = ("pk", "purpose", "subject", "shown_ip", "created_at", "expires_at", "used_at")
    list_filter = ("purpose", "created_at")
    ordering = ("-pk",)
    exclude = ("code_hash", "phone_index")
    readonly_fields = ("shown_ip",)
    shown_ip = masked("ip", mask_ip, "address")


@admin.register(Token)
class TokenAdmin(PersonSearch, ReadOnlyAdmin):
    large = True
    list_display = ("user", "kind", "family", "created_at", "expires_at", "used_at", "revoked_at")
    list_filter = ("kind", "created_at")
    list_select_related = ("user",)
    ordering = ("-pk",)
    exclude = ("token_hash",)


admin.site.unregister([Group, TOTPDevice])


@admin.register(TOTPDevice)
class DeviceOfStaffAdmin(ReadOnlyAdmin):
    """Second factors. Who could read the key could sign in as somebody else; devices are made by `manage.py staff`."""

    list_display = ("user", "name", "confirmed", "created_at", "last_used_at")
    list_filter = ("confirmed",)
    search_fields = ("user__username", "name")
    list_select_related = ("user",)
    fields = list_display


@admin.register(Group)
class GroupAdmin(ReadOnlyAdmin):
    """Groups come with the configuration, so that what a role may do is reviewed as code."""

    list_display = ("name", "permissions_count")
    search_fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return super().get_queryset(request).annotate(granted=Count("permissions"))

    @admin.display(description="permissions", ordering="granted")
    def permissions_count(self, group: Any) -> int:
        return group.granted
