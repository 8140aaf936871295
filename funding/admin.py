"""The back office of funding: shows everything, edits nothing."""

import json
from typing import Any

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from funding.models import (
    Allocation,
    CallbackEvent,
    Collection,
    Funder,
    FunderSettlement,
    Guarantor,
    HeadroomDay,
    HeadroomMonth,
    Payout,
    Programme,
    Reservation,
    Routing,
)
from lending.common.admin import ExactSearch, ReadOnlyAdmin, ReadOnlyInline, age, money, state_badge
from lending.common.money import format_cents

ALLOCATION_COLOURS = {
    "RESERVED": "teal",
    "SUBMITTED": "teal",
    "UNKNOWN": "amber",
    "ACCEPTED": "green",
    "REFUSED": "red",
    "RELEASED": "grey",
    "COMMITTED": "green",
}
PAYMENT_COLOURS = {
    "DUE": "amber",
    "SENT": "teal",
    "UNKNOWN": "amber",
    "PAID": "green",
    "COLLECTED": "green",
    "FAILED": "red",
    "RETURNED": "red",
}
CALLBACK_COLOURS = {"applied": "green", "late": "grey", "unknown_key": "red", "ignored": "red"}


def pretty(field: str) -> Any:
    """A JSON field, indented."""

    @admin.display(description=field.replace("_", " "))
    def column(self: Any, obj: Any) -> SafeString:
        text = json.dumps(getattr(obj, field), ensure_ascii=False, indent=2)
        return format_html('<pre class="whitespace-pre-wrap text-xs">{}</pre>', text)

    return column


def computed(attribute: str, description: str) -> Any:
    """A right-aligned amount that is a property, which a list cannot be ordered by."""

    @admin.display(description=description)
    def column(self: Any, obj: Any) -> SafeString:
        text = format_cents(getattr(obj, attribute))
        return format_html('<span class="block text-right tabular-nums">{}</span>', text)

    return column


def rules_table(rows: list[dict[str, Any]]) -> SafeString:
    """Every programme looked at: its outcome, and the rules it failed with value and bound."""
    return format_html(
        '<table class="text-xs"><tr><th>Programme</th><th>Outcome</th><th>Free</th><th>Not met</th></tr>{}</table>',
        format_html_join(
            "",
            '<tr><td>{}</td><td>{}</td><td class="text-right tabular-nums">{}</td><td>{}</td></tr>',
            (
                (
                    row["programme"],
                    row["outcome"],
                    format_cents(row["headroom"]["free_today_cents"]),
                    "; ".join(f"{r['rule']}: {r['value']} / {r['bound']}" for r in row["rules"] if not r["passed"])
                    or "-",
                )
                for row in rows
            ),
        ),
    )


class ProgrammeInline(ReadOnlyInline):
    model = Programme
    fields = ("code", "mode", "enabled", "priority")


@admin.register(Funder)
class FunderAdmin(ReadOnlyAdmin):
    list_display = ("party", "type", "opens", "closes", "cut_off", "answer", "protocol")
    list_filter = ("type",)
    search_fields = ("party__code", "party__legal_name", "party__legal_name_zh")
    list_select_related = ("party",)
    inlines = (ProgrammeInline,)


@admin.register(Guarantor)
class GuarantorAdmin(ReadOnlyAdmin):
    capital = money("net_capital_cents", "net capital")
    cap = computed("cap_cents", "cap")
    list_display = ("party", "covers", "compensation_dpd", "capital", "leverage_max", "cap")
    list_select_related = ("party",)


@admin.register(Programme)
class ProgrammeAdmin(ReadOnlyAdmin):
    day_cap = money("cap_day_cents", "cap a day")
    month_cap = money("cap_month_cents", "cap a month")
    smallest = money("amount_min_cents", "from")
    largest = money("amount_max_cents", "to")
    list_display = (
        "code",
        "funder",
        "mode",
        "enabled",
        "priority",
        "products",
        "grades",
        "tags_except",
        "levels_only",
        "smallest",
        "largest",
        "day_cap",
        "month_cap",
    )
    list_filter = ("enabled", "mode", "funder")
    search_fields = ("code",)


@admin.register(FunderSettlement)
class FunderSettlementAdmin(ReadOnlyAdmin):
    list_display = ("programme", "collected_by", "split", "settle", "reserve")


@admin.register(HeadroomDay)
class HeadroomDayAdmin(ReadOnlyAdmin):
    cap = money("cap_cents", "cap")
    reserved = money("reserved_cents", "reserved")
    committed = money("committed_cents", "committed")
    free = computed("free_cents", "free")
    list_display = ("business_date", "programme", "cap", "reserved", "committed", "free", "used")
    list_filter = ("programme", "business_date")
    date_hierarchy = "business_date"

    @admin.display(description="used")
    def used(self, obj: HeadroomDay) -> str:
        return f"{100 - 100 * obj.free_cents // obj.cap_cents} %" if obj.cap_cents else "-"


@admin.register(HeadroomMonth)
class HeadroomMonthAdmin(ReadOnlyAdmin):
    cap = money("cap_cents", "cap")
    reserved = money("reserved_cents", "reserved")
    committed = money("committed_cents", "committed")
    free = computed("free_cents", "free")
    list_display = ("month", "programme", "cap", "reserved", "committed", "free")
    list_filter = ("programme",)


@admin.register(Reservation)
class ReservationAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ("drawdown__public_id",)
    amount = money("amount_cents", "amount")
    list_display = ("id", "at", "kind", "programme", "business_date", "drawdown", "amount")
    list_filter = ("kind", "programme", "business_date")
    list_select_related = ("drawdown", "programme")


@admin.register(Routing)
class RoutingAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ("drawdown__public_id",)
    list_display = ("id", "at", "drawdown", "programme")
    list_filter = ("programme",)
    list_select_related = ("drawdown", "programme")
    fields = ("drawdown", "programme", "at", "rules")
    readonly_fields = ("rules",)

    @admin.display(description="looked at")
    def rules(self, obj: Routing) -> SafeString:
        return rules_table(obj.explanation)


class PayoutInline(ReadOnlyInline):
    model = Payout
    fields = ("key", "state", "fault", "code", "created_at", "paid_at")


@admin.register(Allocation)
class AllocationAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ("drawdown__public_id",)
    search_codes = ("key",)
    badge = state_badge("state", ALLOCATION_COLOURS, "state")
    amount = money("amount_cents", "amount")
    waiting = age("created_at")
    raw_answer = pretty("answer")
    list_display = ("id", "drawdown", "recipient", "programme", "badge", "amount", "attempts", "waiting", "refusal")
    list_filter = ("state", "programme", "release_cause")
    list_select_related = ("drawdown", "programme")
    readonly_fields = ("rules", "raw_answer")
    exclude = ("answer",)
    inlines = (PayoutInline,)

    @admin.display(description="looked at")
    def rules(self, obj: Allocation) -> SafeString:
        return rules_table(obj.routing.explanation)


@admin.register(Payout)
class PayoutAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ("drawdown__public_id",)
    search_codes = ("key",)
    badge = state_badge("state", PAYMENT_COLOURS, "state")
    amount = money("amount_cents", "amount")
    waiting = age("created_at")
    raw_answer = pretty("answer")
    list_display = ("id", "drawdown", "badge", "amount", "card", "fault", "code", "attempts", "waiting", "paid_at")
    list_filter = ("state", "fault", "code")
    list_select_related = ("drawdown", "card")
    readonly_fields = ("raw_answer",)
    exclude = ("answer",)


@admin.register(Collection)
class CollectionAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ("public_id", "loan__public_id")
    search_codes = ("key",)
    badge = state_badge("state", PAYMENT_COLOURS, "state")
    amount = money("amount_cents", "asked")
    collected = money("collected_cents", "came")
    waiting = age("created_at")
    raw_answer = pretty("answer")
    list_display = ("id", "loan", "badge", "amount", "collected", "card", "code", "by", "attempts", "waiting")
    list_filter = ("state", "code")
    list_select_related = ("loan", "card")
    readonly_fields = ("raw_answer",)
    exclude = ("answer",)


@admin.register(CallbackEvent)
class CallbackEventAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ()
    search_codes = ("key", "event_id")
    badge = state_badge("outcome", CALLBACK_COLOURS, "outcome")
    raw = pretty("payload")
    list_display = ("id", "received_at", "provider", "type", "badge", "key", "event_id")
    list_filter = ("provider", "type", "outcome")
    readonly_fields = ("raw",)
    exclude = ("payload",)
