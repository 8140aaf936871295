"""Tables of traffic, as they are."""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from lending.common import clock
from lending.common.acting import Act, ActingAdmin, ReasonForm
from lending.common.admin import ExactSearch, ReadOnlyAdmin, age, state_badge
from lending.common.statement_pages import drafting
from traffic import services
from traffic.models import (
    Attribution,
    Channel,
    ChannelDay,
    ChannelKey,
    ChannelOrder,
    JoinLink,
    PartnerStatus,
    Precheck,
    PrecheckSubject,
    StatusPush,
    Touch,
)

PUSH_COLOURS = {"withheld": "grey", "kept": "grey", "due": "amber", "sent": "green", "failed": "red"}


def pretty(field: str) -> Any:
    """A JSON field, indented."""

    @admin.display(description=field)
    def column(self: Any, obj: Any) -> SafeString:
        text = json.dumps(getattr(obj, field), ensure_ascii=False, indent=2)
        return format_html('<pre class="whitespace-pre-wrap text-xs">{}</pre>', text)

    return column


class DoorForm(ReasonForm):
    networks = forms.CharField(
        label="Addresses and networks it may call from",
        max_length=1000,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Separated by spaces: 203.0.113.7 198.51.100.0/24. Empty: from anywhere.",
    )
    rate_per_minute = forms.IntegerField(
        label="Requests a minute", min_value=1, max_value=6000, widget=UnfoldAdminIntegerFieldWidget
    )


@admin.register(Channel)
class ChannelAdmin(ActingAdmin):
    acts = {
        "issue_key": Act(
            title="Issue a key",
            question="Why does the channel need a new key?",
            done="has a new key; the former one lives for 14 days more",
            permission="traffic.add_channelkey",
            perform=lambda pk, **why: services.issue_key(channel_code=pk, **why),
            can=lambda channel: bool(channel.app_id),
            icon="key",
            shows="The secret is shown here and never again. Give it to the partner over a safe way.",
        ),
        "issue_precheck_key": Act(
            title="Issue a precheck key",
            question="Why does the channel need a new key to hash phones with?",
            done="has a new key; the former one finds nobody any more",
            permission="traffic.add_channelkey",
            perform=lambda pk, **why: services.issue_precheck_key(channel_code=pk, **why),
            can=lambda channel: bool(channel.precheck),
            icon="tag",
            shows="The key is shown here and never again. Give it to the partner over a safe way.",
        ),
        "resume_prechecks": Act(
            title="Resume prechecks",
            question="What did the partner say?",
            done="answered again",
            permission="traffic.change_channel",
            perform=lambda pk, **why: services.resume_prechecks(channel_code=pk, **why),
            can=lambda channel: channel.precheck_stopped_at is not None,
            icon="play_arrow",
        ),
        "draft_statement": drafting(
            "traffic.settle_channel",
            lambda pk, **why: services.draft_statement(channel_code=pk, **why),
            can=lambda channel: bool(channel.settle_kind),
        ),
        "change_door": Act(
            title="Addresses and rate",
            question="Why is it changed?",
            done="changed",
            permission="traffic.change_channel",
            perform=lambda pk, **why: services.change_door(channel_code=pk, **why),
            can=lambda channel: bool(channel.app_id),
            icon="shield",
            form=DoorForm,
            initial=lambda channel: {
                "networks": " ".join(channel.ip_allow),
                "rate_per_minute": channel.rate_per_minute,
            },
        ),
    }
    list_display = ("party", "app_id", "flow", "products", "precheck", "settle", "price", "day_quota", "last_seq")
    list_filter = ("flow",)
    search_fields = ("party__code", "party__legal_name", "party__legal_name_zh")
    list_select_related = ("party",)
    exclude = ("callback_secret", "callback_secret_next", "precheck_key")


@admin.register(ChannelKey)
class ChannelKeyAdmin(ActingAdmin):
    acts = {
        "end_key": Act(
            title="End at once",
            question="Why does the key end?",
            done="ended",
            permission="traffic.change_channelkey",
            perform=lambda pk, **why: services.end_key(key_id=pk, **why),
            can=lambda key: key.valid_to is None or key.valid_to > clock.now(),
            icon="key_off",
        )
    }
    list_display = ("id", "channel", "issued_at", "issued_by", "valid_to", "last_used_at")
    list_filter = ("channel",)
    list_select_related = ("channel",)
    exclude = ("secret",)


@admin.register(Precheck)
class PrecheckAdmin(ReadOnlyAdmin):
    large = True
    list_display = ("id", "at", "channel", "answer", "hit")
    list_filter = ("channel", "answer")
    list_select_related = ("channel",)
    exclude = ("digest",)


@admin.register(PrecheckSubject)
class PrecheckSubjectAdmin(ReadOnlyAdmin):
    large = True
    list_display = ("id", "channel", "user")
    list_filter = ("channel",)
    list_select_related = ("channel", "user")
    exclude = ("digest",)


@admin.register(JoinLink)
class JoinLinkAdmin(ReadOnlyAdmin):
    large = True
    list_display = ("id", "channel", "user", "product_code", "made_at", "expires_at", "used_at", "signed_in")
    list_filter = ("channel",)
    list_select_related = ("channel", "user")
    exclude = ("token_hash",)


@admin.register(ChannelOrder)
class ChannelOrderAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ("application__public_id",)
    search_codes = ("external_id",)
    list_display = ("id", "channel", "external_id", "application", "details_taken", "received_at")
    list_filter = ("channel",)
    list_select_related = ("channel", "application")


@admin.register(Touch)
class TouchAdmin(ReadOnlyAdmin):
    large = True
    list_display = ("id", "channel", "kind", "user", "at")
    list_filter = ("channel", "kind")
    list_select_related = ("channel", "user")


@admin.register(Attribution)
class AttributionAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ("application__public_id",)
    list_display = ("application", "channel", "rule", "first", "last", "frozen_at")
    list_filter = ("channel",)
    list_select_related = ("application", "channel", "first", "last")


@admin.register(ChannelDay)
class ChannelDayAdmin(ReadOnlyAdmin):
    list_display = ("date", "channel", "used", "quota")
    list_filter = ("channel",)
    list_select_related = ("channel",)

    @admin.display(description="quota")
    def quota(self, day: ChannelDay) -> str:
        return str(day.channel.day_quota or "-")


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
