"""Messages to borrowers and notices to staff."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from lending.common.acting import Act, ActingAdmin
from lending.common.admin import ReadOnlyAdmin, age, instant, masked, state_badge
from lending.common.crypto import mask_phone
from lending.common.shown import badge, stamp, subject_link
from users import queries
from users.admin.search import PersonSearch
from users.models import Message, Notice
from users.rules import notices as rules
from users.services import notices

MESSAGE_COLOURS = {"queued": "teal", "sent": "green", "failed": "red"}
SEVERITY_COLOURS = {"info": "teal", "warning": "amber", "critical": "red"}


class KindFilter(admin.SimpleListFilter):
    title, parameter_name = "kind", "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        hidden = queries.kinds_hidden(request.user.has_perm)
        return [(code, kind.title) for code, kind in rules.KINDS.items() if code not in hidden]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Notice]) -> QuerySet[Notice]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Message)
class MessageAdmin(PersonSearch, ReadOnlyAdmin):
    large = True
    list_display = (
        "pk",
        "template",
        "language",
        "shown_phone",
        "badge",
        "attempts",
        "failure",
        "created_at",
        "done_at",
    )
    list_filter = ("state", "template", "language", "created_at")
    list_select_related = ("user",)
    ordering = ("-pk",)
    fields = (
        "key",
        "user",
        "template",
        "language",
        "shown_phone",
        "badge",
        "attempts",
        "not_before",
        "valid_until",
        "reference",
        "failure",
        "created_at",
        "done_at",
    )
    readonly_fields = ("shown_phone", "badge")
    shown_phone = masked("phone", mask_phone, "phone")
    badge = state_badge("state", MESSAGE_COLOURS, "state")


@admin.register(Notice)
class NoticeAdmin(ActingAdmin):
    """Everybody sees the notices about what they may see; closing one says what came of it."""

    list_display = ("what", "badge", "about", "text", "times", "waiting", "last", "state")
    list_filter = (("closed_at", admin.EmptyFieldListFilter), "severity", KindFilter)
    search_fields = ("subject", "text")
    fieldsets = (
        (None, {"fields": ("what", "badge", "about", "text")}),
        ("What to do", {"fields": ("to_do",)}),
        ("When", {"fields": (("raised", "last"), "times")}),
        ("Closed", {"fields": ("state", "came_of_it")}),
    )
    badge = state_badge("severity", SEVERITY_COLOURS, "severity")
    waiting, raised, last = age("raised_at"), instant("raised_at"), instant("last_at", "last time")
    acts = {
        "close": Act(
            title="Close the notice",
            question="What was found, and what was done about it?",
            done="closed",
            permission=notices.MAY_CLOSE,
            perform=lambda pk, **why: notices.close(notice_id=pk, **why),
            can=lambda notice: notice.closed_at is None,
            icon="task_alt",
        )
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        return super().get_queryset(request).exclude(kind__in=queries.kinds_hidden(request.user.has_perm))

    def act_details(self, row: Notice) -> str:
        return f"{row.text} · {rules.kind(row.kind).what_to_do}"

    @admin.display(description="what", ordering="kind")
    def what(self, notice: Notice) -> str:
        return rules.kind(notice.kind).title

    @admin.display(description="about")
    def about(self, notice: Notice) -> SafeString | str:
        return subject_link(notice.subject)

    @admin.display(description="what to do")
    def to_do(self, notice: Notice) -> str:
        return rules.kind(notice.kind).what_to_do

    @admin.display(description="state", ordering="closed_at")
    def state(self, notice: Notice) -> SafeString:
        return badge("grey", "closed") if notice.closed_at else badge("amber", "open")

    @admin.display(description="what came of it")
    def came_of_it(self, notice: Notice) -> str:
        if notice.closed_at is None:
            return "-"
        return f"{stamp(notice.closed_at)}, {queries.actor_name(notice.closed_by)}: {notice.closed_reason or '-'}"
