"""The back office of traffic: shows everything, edits nothing."""

import json
from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from lending.common.acting import Act, ActingAdmin
from lending.common.admin import ExactSearch, ReadOnlyAdmin, age, money, state_badge
from traffic import services
from traffic.models import Channel, OfferSearch, PartnerStatus, Platform, StatusPush

PUSH_COLOURS = {"withheld": "grey", "kept": "grey", "due": "amber", "sent": "green", "failed": "red"}


def pretty(field: str) -> Any:
    """A JSON field, indented."""

    @admin.display(description=field)
    def column(self: Any, obj: Any) -> SafeString:
        text = json.dumps(getattr(obj, field), ensure_ascii=False, indent=2)
        return format_html('<pre class="whitespace-pre-wrap text-xs">{}</pre>', text)

    return column


@admin.register(Channel)
class ChannelAdmin(ReadOnlyAdmin):
    list_display = ("party", "flow", "products", "precheck", "settle", "price", "day_quota", "callback_url", "last_seq")
    list_filter = ("flow",)
    search_fields = ("party__code", "party__legal_name", "party__legal_name_zh")
    list_select_related = ("party",)
    exclude = ("callback_secret",)


@admin.register(PartnerStatus)
class PartnerStatusAdmin(ReadOnlyAdmin):
    list_display = ("code", "name_zh", "sources")
    search_fields = ("code", "name_zh")


@admin.register(StatusPush)
class StatusPushAdmin(ExactSearch, ActingAdmin):
    large = True
    search_ids = ("application__public_id",)
    search_codes = ("key",)
    badge = state_badge("state", PUSH_COLOURS, "state")
    waiting = age("created_at")
    told = pretty("payload")
    acts = {
        "resend": Act(
            title="Send again",
            question="Why does the channel need it again?",
            done="will be sent again",
            permission="traffic.change_statuspush",
            perform=lambda pk, **why: services.resend(push_id=pk, **why),
            can=lambda push: push.state in services.RESENDABLE,
            icon="send",
        )
    }
    list_display = ("id", "channel", "seq", "word", "badge", "event", "application", "attempts", "waiting", "sent_at")
    list_filter = ("state", "channel", "word")
    list_select_related = ("channel", "event", "application")
    readonly_fields = ("told",)
    exclude = ("payload",)


@admin.register(Platform)
class PlatformAdmin(ReadOnlyAdmin):
    smallest = money("amount_min_cents", "from")
    largest = money("amount_max_cents", "to")
    balance = money("balance_cents", "balance")
    list_display = (
        "party",
        "enabled",
        "accepts_grades",
        "smallest",
        "largest",
        "settle",
        "price",
        "cap_day",
        "balance",
        "flow",
    )
    list_filter = ("enabled", "flow")
    list_select_related = ("party",)


@admin.register(OfferSearch)
class OfferSearchAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ("application__public_id",)
    looked_at = pretty("considered")
    list_display = ("id", "at", "application", "trigger", "result")
    list_filter = ("trigger", "result")
    list_select_related = ("application",)
    readonly_fields = ("looked_at",)
    exclude = ("considered",)
