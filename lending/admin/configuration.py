"""What the market's configuration says: loaded from files, shown here."""

from django.contrib import admin

from lending.common.admin import ReadOnlyAdmin, day, money, rate, state_badge
from lending.models import DemoClock, Grade, Holiday, Lifetime, Party, Product, Reason, ServicingTerm

OUTCOMES = {"approve": "green", "refer": "amber", "decline": "red"}


@admin.register(Party)
class PartyAdmin(ReadOnlyAdmin):
    list_display = ("code", "kind", "legal_name", "legal_name_zh")
    list_filter = ("kind",)
    search_fields = ("code", "legal_name", "legal_name_zh")


@admin.register(Product)
class ProductAdmin(ReadOnlyAdmin):
    list_display = (
        "code",
        "name_zh",
        "name",
        "family",
        "kind",
        "smallest",
        "largest",
        "months",
        "ceiling",
        "active",
    )
    list_filter = ("family", "kind", "active")
    search_fields = ("code", "name", "name_zh")
    smallest = money("amount_min_cents", "from")
    largest = money("amount_max_cents", "to")
    step = money("step_cents", "in steps of")
    drawdown_from = money("drawdown_min_cents", "a drawdown from")
    ceiling = rate("ceiling_xirr", "all-in ceiling")
    fields = (
        *("code", "name", "name_zh", "family", "kind", "currency", "active"),
        *("smallest", "largest", "step", "drawdown_from", "max_open_loans"),
        *("months", "methods", "purposes", "grant_valid_days", "ceiling"),
    )

    @admin.display(description="months")
    def months(self, product: Product) -> str:
        return ", ".join(map(str, product.terms_months))


@admin.register(Grade)
class GradeAdmin(ReadOnlyAdmin):
    list_display = ("code", "score_min", "badge", "price", "loses", "line", "once", "business")
    list_filter = ("outcome",)
    badge = state_badge("outcome", OUTCOMES)
    price = rate("annual_rate", "price a year")
    loses = rate("pd_max", "loses at most")
    sample = rate("sample_pd_max", "in the sample at most")
    line = money("limit_line_cents", "limit, line")
    once = money("limit_once_cents", "limit, single")
    business = money("limit_biz_cents", "limit, business")
    fields = ("code", "score_min", "badge", "price", "loses", "sample", "line", "once", "business")


@admin.register(Reason)
class ReasonAdmin(ReadOnlyAdmin):
    list_display = ("code", "reason_class", "source", "reapply", "distribute", "borrower_zh", "borrower_en")
    list_filter = ("reason_class", "source", "distribute")
    search_fields = ("code", "borrower_zh", "borrower_en")

    @admin.display(description="may apply again", ordering="reapply_days")
    def reapply(self, reason: Reason) -> str:
        return "never" if reason.reapply_days is None else f"after {reason.reapply_days} d"


@admin.register(ServicingTerm)
class ServicingTermAdmin(ReadOnlyAdmin):
    list_display = ("key", "value", "note")
    search_fields = ("key", "value", "note")
    ordering = ("key",)


@admin.register(Lifetime)
class LifetimeAdmin(ReadOnlyAdmin):
    list_display = ("thing", "name_zh", "lives", "then")
    search_fields = ("thing", "name_zh")
    ordering = ("thing",)
    fields = list_display

    @admin.display(description="lives", ordering="ttl_seconds")
    def lives(self, lifetime: Lifetime) -> str:
        for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
            if lifetime.ttl_seconds >= size and lifetime.ttl_seconds % size == 0:
                return f"{lifetime.ttl_seconds // size} {unit}"
        return f"{lifetime.ttl_seconds} s"


@admin.register(Holiday)
class HolidayAdmin(ReadOnlyAdmin):
    list_display = ("date", "name", "workday")
    list_filter = ("workday", "name")
    search_fields = ("name", "on_date")
    date = day("on_date", "date")
    fields = list_display


@admin.register(DemoClock)
class DemoClockAdmin(ReadOnlyAdmin):
    list_display = ("ahead",)
    fields = list_display

    @admin.display(description="ahead of the real time")
    def ahead(self, row: DemoClock) -> str:
        days, seconds = divmod(row.offset_seconds, 86400)
        return f"{days} d {seconds // 3600} h {seconds % 3600 // 60} min"
