"""Tables of funding, as they are, and what the funders' desk does to them."""

import json
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from funding import services
from funding.models import (
    Allocation,
    CallbackEvent,
    Claim,
    Collection,
    Funder,
    Guarantor,
    HeadroomBorrower,
    HeadroomDay,
    HeadroomGuarantor,
    HeadroomMonth,
    HeadroomTotal,
    Payout,
    Programme,
    Reservation,
    Routing,
)
from funding.queries import board, settlement
from lending.common import clock
from lending.common.acting import Act, ActingAdmin, switching
from lending.common.admin import ExactSearch, ReadOnlyAdmin, ReadOnlyInline, age, money, state_badge
from lending.common.money import format_cents, format_known
from lending.common.shown import badge
from lending.common.statement_pages import drafting
from lending.common.tables import Table, download

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
BOARD = (
    *("programme", "funder", "enabled", "priority", "business_day", "hours", "opens_at"),
    *("day_cap_cents", "day_used_cents", "month_cap_cents", "month_used_cents"),
    *("outstanding_cap_cents", "outstanding_used_cents", "guarantor", "guarantor_cap_cents", "guarantor_used_cents"),
    *("asked", "asked_cents", "without_a_funder", "without_a_funder_cents", "held", "held_cents"),
)
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


OUTCOME_COLOURS = {"reserved": "green", "no headroom": "amber", "share is full": "amber", "not eligible": "red"}
CAPS = {
    "today": "day",
    "month": "month",
    "outstanding": "outstanding",
    "borrower": "borrower",
    "guarantor": "guarantor",
}
IN_CENTS = ("amount", "per_borrower", "outstanding", "guarantor")  # rules whose value and bound are amounts
MET = {(True, True): "yes", (False, True): "NO", (True, False): "now", (False, False): "later"}


def explained(rows: list[dict[str, Any]]) -> SafeString:
    """Every programme looked at: what came of it, the headroom it had at that moment, every rule with its bound."""
    return render_to_string("funding/office/explain.html", {"programmes": [_programme(row) for row in rows]})


def _programme(row: dict[str, Any]) -> dict[str, Any]:
    free = row["headroom"]  # rows of before the caps were stored have fewer
    return {
        "code": row["programme"],
        "funder": row["funder"],
        "priority": row["priority"],
        "badge": badge(OUTCOME_COLOURS.get(row["outcome"], "grey"), row["outcome"]),
        "headroom": [
            {
                "name": name,
                "free": format_cents(free[f"free_{key}_cents"]),
                "cap": format_known(free.get(f"cap_{key}_cents")),
            }
            for key, name in CAPS.items()
            if f"free_{key}_cents" in free
        ],
        "rules": [
            {
                "name": rule["rule"].replace("_", " "),
                "met": MET[rule["passed"], rule.get("blocks", True)],
                "value": _written(rule["rule"], rule["value"]),
                "bound": _written(rule["rule"], rule["bound"]),
            }
            for rule in row["rules"]
        ],
    }


def _written(rule: str, value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int() if rule in IN_CENTS:
            return format_cents(value)
        case [int(low), int(high)] if rule in IN_CENTS:
            return f"{format_cents(low)} to {format_cents(high)}"
        case list():
            return " ".join(map(str, value)) or "none"
        case dict():
            return "; ".join(f"{key} {' '.join(codes)}" for key, codes in value.items() if codes) or "any"
        case None | "":
            return "-"
        case _:
            return str(value)


def _board(shown: board.Board) -> Table:
    """The headroom board as a file; amounts in cents."""
    rows = [
        (
            *(row.code, row.funder_code, "yes" if row.enabled else "no", str(row.priority or "-"), str(row.day)),
            *("open" if row.is_open else "closed", clock.local(row.opens_at).isoformat(timespec="minutes")),
            *(str(cents) for room in (row.today, row.month, row.outstanding) for cents in _two(room)),
            *(row.guarantor_code or "-", *(map(str, _two(row.guarantor)) if row.guarantor else ("-", "-"))),
            *(str(number) for waits in (row.asked, row.waiting, row.held) for number in (waits.count, waits.cents)),
        )
        for row in shown.programmes
    ]
    return Table("board", "Headroom", BOARD, rows)


def _two(room: board.Room) -> tuple[int, int]:
    return room.cap_cents, room.used_cents


class ProgrammeInline(ReadOnlyInline):
    model = Programme
    fields = ("code", "mode", "enabled", "priority")


@admin.register(Funder)
class FunderAdmin(ActingAdmin):
    acts = {
        "draft_statement": drafting(
            "funding.settle_funder",
            lambda pk, **why: services.draft_statement(party_code=pk, **why),
            can=lambda party: settlement.settles_with(party.pk),
        ),
    }
    list_display = (
        "party",
        "type",
        "opens",
        "closes",
        "cut_off",
        "answer",
        "protocol",
        "channel_share_max",
        "province_share_max",
    )
    list_filter = ("type",)
    search_fields = ("party__code", "party__legal_name", "party__legal_name_zh")
    list_select_related = ("party",)
    inlines = (ProgrammeInline,)


@admin.register(Guarantor)
class GuarantorAdmin(ActingAdmin):
    acts = {
        "draft_statement": drafting(
            "funding.settle_funder",
            lambda pk, **why: services.draft_statement(party_code=pk, **why),
            can=lambda party: settlement.settles_with(party.pk),
        ),
    }
    capital = money("net_capital_cents", "net capital")
    cap = computed("cap_cents", "cap")
    list_display = ("party", "covers", "compensation_dpd", "capital", "leverage_max", "cap")
    list_select_related = ("party",)


@admin.register(Programme)
class ProgrammeAdmin(ActingAdmin):
    acts = switching(
        "funding.switch_programme",
        lambda pk, **said: services.switch_programme(programme_code=pk, **said),
        off="no drawdown is offered to it; what it has goes on",
    )
    day_cap = money("cap_day_cents", "cap a day")
    month_cap = money("cap_month_cents", "cap a month")
    outstanding_cap = money("cap_outstanding_cents", "cap outstanding")
    borrower_cap = money("per_borrower_cents", "cap a borrower")
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
        "outstanding_cap",
        "borrower_cap",
    )
    list_filter = ("enabled", "mode", "funder")
    search_fields = ("code",)


@admin.register(HeadroomDay)
class HeadroomDayAdmin(ReadOnlyAdmin):
    """The board of now stands above the days that were drawn on."""

    list_before_template = "funding/office/board.html"
    cap = money("cap_cents", "cap")
    reserved = money("reserved_cents", "reserved")
    committed = money("committed_cents", "committed")
    free = computed("free_cents", "free")
    list_display = ("business_date", "programme", "cap", "reserved", "committed", "free", "used")
    list_filter = ("programme", "business_date")
    date_hierarchy = "business_date"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if not self.has_view_permission(request):
            raise PermissionDenied
        shown = board.board(clock.now())
        if request.GET.get("board") == "csv":
            return download(_board(shown), f"headroom-{clock.local(shown.at):%Y-%m-%d-%H%M}")
        return super().changelist_view(request, (extra_context or {}) | {"board": shown})

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


class _OutstandingAdmin(ReadOnlyAdmin):
    cap = money("cap_cents", "cap")
    reserved = money("reserved_cents", "reserved")
    committed = money("committed_cents", "owed")
    free = computed("free_cents", "free")


@admin.register(HeadroomTotal)
class HeadroomTotalAdmin(_OutstandingAdmin):
    list_display = ("programme", "cap", "reserved", "committed", "free")


@admin.register(HeadroomBorrower)
class HeadroomBorrowerAdmin(ExactSearch, _OutstandingAdmin):
    large = True
    search_ids = ("user__public_id",)
    list_display = ("id", "programme", "user", "cap", "reserved", "committed", "free")
    list_filter = ("programme",)
    list_select_related = ("programme", "user")


@admin.register(HeadroomGuarantor)
class HeadroomGuarantorAdmin(_OutstandingAdmin):
    list_display = ("guarantor", "cap", "reserved", "committed", "free")
    list_select_related = ("guarantor",)


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
        return explained(obj.explanation)


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
        return explained(obj.routing.explanation)


class WaitsFilter(admin.SimpleListFilter):
    """What waits for the desk."""

    title, parameter_name = "waits for", "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("unknown", "An answer"), ("returned", "A follow-up of what came back")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Payout]) -> QuerySet[Payout]:
        match self.value():
            case "unknown":
                return queryset.filter(state="UNKNOWN")
            case "returned":
                return queryset.filter(pk__in=board.returned_open().values("pk"))
        return queryset


@admin.register(Payout)
class PayoutAdmin(ExactSearch, ActingAdmin):
    acts = {
        "ask_now": Act(
            title="Ask now",
            question="Why is the channel asked now?",
            done="asked about",
            permission="funding.ask_payout",
            perform=lambda pk, **why: services.ask_payout(payout_id=pk, **why),
            can=lambda payout: payout.state in ("SENT", "UNKNOWN"),
            icon="contact_support",
        ),
        "follow_up": Act(
            title="Followed up",
            question="What was agreed with the borrower whose money came back?",
            done="followed up",
            permission="funding.ask_payout",
            perform=lambda pk, **why: services.follow_up(payout_id=pk, **why),
            can=lambda payout: payout.state == "RETURNED" and payout.followed_up_at is None,
            icon="task_alt",
        ),
    }
    large = True
    search_ids = ("drawdown__public_id",)
    search_codes = ("key",)
    badge = state_badge("state", PAYMENT_COLOURS, "state")
    amount = money("amount_cents", "amount")
    waiting = age("created_at")
    raw_answer = pretty("answer")
    list_display = (
        *("id", "drawdown", "badge", "amount", "card", "fault", "code", "attempts", "waiting", "not_before", "paid_at"),
    )
    list_filter = ("state", WaitsFilter, "fault", "code")
    list_select_related = ("drawdown", "card")
    readonly_fields = ("raw_answer",)
    exclude = ("answer",)

    def act_details(self, row: Payout) -> str:
        asked = f"{row.state}, asked {row.attempts} times; {row.last_error or row.code or 'no error kept'}"
        return f"{format_cents(row.amount_cents)} of drawdown {row.drawdown_id}: {asked}"


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


@admin.register(Claim)
class ClaimAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ("loan__public_id",)
    amount = money("amount_cents", "paid")
    principal = money("principal_cents", "principal")
    list_display = ("id", "business_date", "guarantor", "creditor", "loan", "dpd", "principal", "amount")
    list_filter = ("guarantor", "creditor")
    list_select_related = ("loan", "guarantor")


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
