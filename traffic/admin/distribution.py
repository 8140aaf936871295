"""Other platforms: what they offer, who was looked for and offered what, who was handed on, and what that earned."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget

from lending.common import clock
from lending.common.acting import Act, ActingAdmin, ReasonForm, switching
from lending.common.admin import ExactSearch, ReadOnlyAdmin, age, instant, money, rate, state_badge
from lending.common.money import format_cents, percent
from lending.common.shown import right
from traffic import services
from traffic.admin.rows import pretty
from traffic.models import (
    Lead,
    Offer,
    OfferSearch,
    Platform,
    PlatformCallback,
    PlatformDay,
    PlatformLine,
    PlatformPayment,
)

OFFER_COLOURS = {"open": "amber", "taken": "green", "closed": "grey"}
LEAD_COLOURS = {
    "CHOSEN": "teal",
    "READY": "teal",
    "SENT": "teal",
    "UNKNOWN": "amber",
    "ACCEPTED": "green",
    "PAID": "green",
    "REFUSED": "red",
    "RETURNED": "red",
    "ENDED": "grey",
}
OUTCOME_COLOURS = {"applied": "green", "late": "grey", "unknown_key": "red", "ignored": "red"}


class PaymentForm(ReasonForm):
    amount_cents = forms.DecimalField(
        label="Amount", max_digits=13, decimal_places=2, widget=UnfoldAdminDecimalFieldWidget, help_text="As 20000.00"
    )
    reference = forms.CharField(
        label="Reference of the bank's", max_length=60, widget=UnfoldAdminTextInputWidget, help_text="Booked once."
    )

    def clean_amount_cents(self) -> int:
        return int(self.cleaned_data["amount_cents"] * 100)


@admin.register(Platform)
class PlatformAdmin(ActingAdmin):
    acts = {
        "book": Act(
            title="Book a payment",
            question="What is it for?",
            done="has paid in advance; its balance is higher by that",
            permission="traffic.book_platform",
            perform=lambda pk, **why: services.book_payment(platform=pk, **why),
            can=lambda row: True,
            icon="payments",
            form=PaymentForm,
        ),
    } | switching(
        "traffic.switch_platform",
        lambda pk, **said: services.switch_platform(platform=pk, **said),
        off="nobody is offered it, nobody told of to it",
    )
    smallest = money("amount_min_cents", "from")
    largest = money("amount_max_cents", "to")
    balance = money("balance_cents", "balance")
    held = money("held_cents", "spoken for")
    price_a_year = rate("annual_rate", "rate a year")
    all_in = rate("stated_xirr", "stated XIRR")
    list_display = (
        *("code", "enabled", "today", "balance", "held", "free", "settle", "price"),
        *("accepts_grades", "smallest", "largest", "terms_months", "price_a_year", "all_in"),
    )
    list_filter = ("enabled", "flow")
    list_select_related = ("party",)

    @admin.display(description="platform", ordering="party_id")
    def code(self, row: Platform) -> str:
        return str(row.pk)

    @admin.display(description="today")
    def today(self, row: Any) -> SafeString:
        return right(f"{row.used} of {row.cap_day}")

    @admin.display(description="free")
    def free(self, row: Platform) -> SafeString:
        return right(format_cents(row.balance_cents - row.held_cents))

    def prepare(self, rows: Sequence[Any]) -> None:
        used = dict(
            PlatformDay.objects.filter(date=clock.business_date(clock.now())).values_list("platform_id", "used")
        )
        for row in rows:
            row.used = used.get(row.pk, 0)


@admin.register(PlatformPayment)
class PlatformPaymentAdmin(ExactSearch, ReadOnlyAdmin):
    search_codes = ("reference",)
    amount = money("amount_cents", "amount")
    booked = instant("booked_at", "booked")
    list_display = ("id", "on_date", "platform", "amount", "reference", "by", "booked", "journal")
    list_filter = ("platform",)
    list_select_related = ("platform", "journal")


@admin.register(PlatformDay)
class PlatformDayAdmin(ReadOnlyAdmin):
    list_display = ("date", "platform", "used", "cap")
    list_filter = ("platform",)
    list_select_related = ("platform",)

    @admin.display(description="cap today")
    def cap(self, day: PlatformDay) -> str:
        return str(day.platform.cap_day)


@admin.register(OfferSearch)
class OfferSearchAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ("application__public_id",)
    looked_at = pretty("considered")
    amount = money("amount_cents", "for")
    list_display = ("id", "at", "application", "trigger", "amount", "result", "excluded")
    list_filter = ("trigger", "result")
    list_select_related = ("application",)
    readonly_fields = ("looked_at",)
    exclude = ("considered",)


@admin.register(Offer)
class OfferAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ("public_id", "application__public_id")
    badge = state_badge("state", OFFER_COLOURS, "state")
    amount = money("amount_cents", "amount")
    all_in = rate("xirr", "XIRR")
    commission = money("commission_cents", "we earn")
    reckoned_of = pretty("score")
    made = instant("created_at", "made")
    list_display = (
        *("id", "made", "application", "platform", "place", "odds", "amount", "months", "all_in", "commission"),
        *("badge", "expires_at"),
    )
    list_filter = ("state", "platform")
    list_select_related = ("application", "platform")
    readonly_fields = ("reckoned_of",)
    exclude = ("score",)


class WaitsFilter(admin.SimpleListFilter):
    """What waits for the desk."""

    title, parameter_name = "waits for", "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("unknown", "An answer")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Lead]) -> QuerySet[Lead]:
        return queryset.filter(state="UNKNOWN") if self.value() == "unknown" else queryset


@admin.register(Lead)
class LeadAdmin(ExactSearch, ActingAdmin):
    acts = {
        "ask_now": Act(
            title="Ask now",
            question="Why is the platform asked now?",
            done="asked about",
            permission="traffic.ask_lead",
            perform=lambda pk, **why: services.ask_lead(lead_id=pk, **why),
            can=lambda lead: lead.state in ("SENT", "UNKNOWN") or lead.watched,
            icon="help",
        )
    }
    large = True
    search_ids = ("application__public_id", "offer__public_id")
    search_codes = ("key", "reference")
    badge = state_badge("state", LEAD_COLOURS, "state")
    amount = money("amount_cents", "amount")
    held = money("held_cents", "held")
    paid = money("paid_cents", "paid out")
    chosen = age("created_at", "chosen")
    sent = instant("sent_at", "sent")
    said = pretty("answer")
    list_display = (
        *("id", "platform", "badge", "end", "application", "amount", "held", "paid", "chosen", "sent"),
        *("reference", "attempts", "last_error"),
    )
    list_filter = (WaitsFilter, "state", "platform", "end")
    list_select_related = ("application", "platform")
    readonly_fields = ("amount", "held", "paid", "said")
    exclude = ("amount_cents", "held_cents", "paid_cents", "answer")


@admin.register(PlatformLine)
class PlatformLineAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ("lead__application__public_id",)
    search_codes = ("source",)
    badge = state_badge("kind", {"fee": "green", "clawback": "amber"}, "kind")
    list_display = ("id", "on_date", "platform", "badge", "reason", "lead", "share", "amount", "source")
    list_filter = ("kind", "reason", "platform")
    list_select_related = ("platform", "lead")

    @admin.display(description="of")
    def share(self, line: PlatformLine) -> str:
        if line.rate is None or line.base_cents is None:
            return "-"
        return f"{percent(line.rate)} of {format_cents(line.base_cents, line.currency)}"

    @admin.display(description="amount")
    def amount(self, line: PlatformLine) -> SafeString:
        return right(format_cents(line.amount_cents, line.currency))


@admin.register(PlatformCallback)
class PlatformCallbackAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ()
    search_codes = ("key", "event_id")
    badge = state_badge("outcome", OUTCOME_COLOURS, "outcome")
    said = pretty("payload")
    list_display = ("id", "received_at", "provider", "type", "key", "badge")
    list_filter = ("provider", "outcome")
    readonly_fields = ("said",)
    exclude = ("payload",)
