"""What happened, as rows under whatever it happened to."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from lending.admin.colours import STATES, WORDS
from lending.common.admin import ReadOnlyInline, instant
from lending.common.shown import badge, page_link
from lending.models import Event
from users import queries as users


def step(event: Event) -> SafeString:
    """Where the machine stands with it: done, waiting, put off after a failure, or stuck."""
    if event.handled_at:
        return badge("grey", "done")
    if event.parked_at:
        return badge("red", f"stuck after {event.attempts}")
    return badge("amber", f"failed {event.attempts}" if event.attempts else "waits")


def word(event: Event, state: str) -> str:
    """The state as its subject calls it."""
    words: dict[Any, Any] = dict(WORDS[event.subject].choices)
    return words.get(state, state) or "-"


def target(event: Event) -> SafeString:
    return badge(STATES.get(event.target, "grey"), word(event, event.target))


def name_actors(events: Sequence[Event]) -> None:
    """For `actor`, at one go."""
    names = users.actor_names(event.actor for event in events)
    for event in events:
        event.actor_name = names[event.actor]  # type: ignore[attr-defined]


def actor(event: Event) -> str:
    return getattr(event, "actor_name", None) or users.actor_name(event.actor)


class EventInline(ReadOnlyInline):
    """Oldest first, with everything below it: an application shows its grant, drawdowns and loans too."""

    model = Event
    hide_title = True
    verbose_name_plural = "timeline"
    fields = readonly_fields = ("when", "subject", "came_from", "became", "who", "reason", "step")
    when = instant("occurred_at", "when")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        return super().get_queryset(request).order_by("id")

    @admin.display(description="from")
    def came_from(self, event: Event) -> str:
        return word(event, event.source)

    @admin.display(description="to")
    def became(self, event: Event) -> SafeString:
        return target(event)

    @admin.display(description="by")
    def who(self, event: Event) -> str:
        return actor(event)

    @admin.display(description="next step")
    def step(self, event: Event) -> Any:
        return page_link(Event, event.pk, step(event))
