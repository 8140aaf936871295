"""Sources and checks, and the two logs."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from lending.common.admin import ExactSearch, ReadOnlyAdmin, instant, money, state_badge
from lending.common.shown import subject_link
from users import queries
from users.admin.search import PersonSearch
from users.models import AccessLog, Amendment, Check, StaffAct, User
from users.services import acts

CHECK_COLOURS = {"pending": "teal", "passed": "green", "failed": "red", "dead": "amber"}


@admin.register(Check)
class CheckAdmin(PersonSearch, ReadOnlyAdmin):
    large = True
    list_display = ("pk", "user", "kind", "badge", "source", "price", "attempts", "failure", "created_at", "checked_at")
    list_filter = ("kind", "state", "source", "created_at")
    list_select_related = ("user", "source")
    ordering = ("-pk",)
    fields = (
        "key",
        "user",
        "kind",
        "card",
        "badge",
        "source",
        "price",
        "consent",
        "recipient",
        "attempts",
        "not_before",
        "leased_until",
        "failure",
        "created_at",
        "checked_at",
    )
    readonly_fields = ("badge", "price")
    badge = state_badge("state", CHECK_COLOURS, "state")
    price = money("price_cents", "spent")


class ByStaff(ExactSearch):
    """Who, whose and when of the two logs, which have no foreign keys."""

    search_ids = ()
    search_help_text = "A whole subject (user:17, notice:5), a whole staff user name, or a whole phone or ID number"
    when = instant("at", "when")

    def found(self, term: str) -> Q:
        staff = User.objects.filter(username=term).values_list("pk", flat=True)
        people = queries.people_with_number(term)
        return Q(subject__in=[term, *(f"user:{pk}" for pk in people)]) | Q(by__in=[f"staff:{pk}" for pk in staff])

    def prepare(self, rows: Sequence[Any]) -> None:
        names = queries.actor_names(row.by for row in rows)
        for row in rows:
            row.by_name = names[row.by]

    @admin.display(description="who", ordering="by")
    def who(self, row: Any) -> str:
        return getattr(row, "by_name", None) or queries.actor_name(row.by)

    @admin.display(description="about", ordering="subject")
    def whose(self, row: Any) -> SafeString | str:
        return subject_link(row.subject)


class ActFilter(admin.SimpleListFilter):
    title, parameter_name = "act", "act"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(code, code.replace("_", " ")) for code in acts.ACTS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[StaffAct]) -> QuerySet[StaffAct]:
        return queryset.filter(act=self.value()) if self.value() else queryset


@admin.register(AccessLog)
class AccessLogAdmin(ByStaff, ReadOnlyAdmin):
    large = True
    ordering = ("-pk",)
    list_display = ("when", "who", "whose", "fields_seen", "reason")
    list_filter = ("at",)
    fields = list_display

    @admin.display(description="fields")
    def fields_seen(self, entry: AccessLog) -> str:
        return ", ".join(entry.fields)


@admin.register(StaffAct)
class StaffActAdmin(ByStaff, ReadOnlyAdmin):
    """The audit trail: everything that somebody on the staff changed, with the reason given."""

    large = True
    list_display = ("when", "who", "did", "whose", "reason")
    list_filter = (ActFilter, "at")
    fields = list_display

    @admin.display(description="act")
    def did(self, row: StaffAct) -> str:
        return row.act.replace("_", " ")


@admin.register(Amendment)
class AmendmentAdmin(ByStaff, ReadOnlyAdmin):
    """What was changed in the registers: the value before, the value after."""

    large = True
    list_display = ("when", "who", "whose", "field", "before", "after", "reason")
    list_filter = ("field", "at")
    fields = list_display
