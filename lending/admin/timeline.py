"""What happened, as rows under whatever it happened to."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from lending.admin.colours import STATES
from lending.common.admin import ReadOnlyInline, badge, instant, page_link
from lending.models import Event
from users import queries as users


def step(event: Event) -> SafeString:
    """Where the machine stands with it: done, waiting, put off after a failure, or stuck."""
    if event.handled_at:
        return badge("grey", "done")
    if event.parked_at:
        return badge("red", f"stuck after {event.attempts}")
    return badge("amber", f"failed {event.attempts}" if event.attempts else "waits")


def target(event: Event) -> SafeString:
    return badge(STATES.get(event.target, "grey"), event.target)


class EventInline(ReadOnlyInline):
    """Oldest first, with everything below it: an application shows its grant, drawdowns and loans too."""

    model = Event
    hide_title = True
    verbose_name_plural = "timeline"
    fields = readonly_fields = ("when", "subject", "source", "became", "who", "reason", "step")
    when = instant("occurred_at", "when")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        return super().get_queryset(request).order_by("id")

    @admin.display(description="to")
    def became(self, event: Event) -> SafeString:
        return target(event)

    @admin.display(description="by")
    def who(self, event: Event) -> str:
        return users.actor_name(event.actor)

    @admin.display(description="next step")
    def step(self, event: Event) -> Any:
        return page_link(Event, event.pk, step(event))
