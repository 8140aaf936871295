"""What pages of the back office write: amounts, ages, badges, links, and what staff did."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from lending.common import money
from lending.common import shown as office
from lending.common.drawing import Node, rings
from lending.common.paging import COUNTED
from users import queries as users

register = template.Library()


@register.inclusion_tag("lending/office/_acts.html")
def staff_acts(row: Any) -> dict[str, Any]:
    """Everything that staff did to a row, newest first."""
    return {"acts": users.acts_of([f"{row._meta.model_name}:{row.pk}"])}


@register.inclusion_tag("lending/office/_amendments.html")
def amendments(subject: str) -> dict[str, Any]:
    """Everything that was changed of a row of a register, newest first."""
    return {"amendments": users.amendments_of(subject)}


@register.filter
def yuan(amount_cents: int | None) -> str:
    return "-" if amount_cents is None else money.format_cents(amount_cents)


@register.filter
def cents(amount_cents: int | None, currency: str) -> str:
    """In a currency that is not the product's own."""
    return "-" if amount_cents is None else money.format_cents(amount_cents, currency)


@register.filter
def counted(number: int) -> str:
    """A count that may have been ended early: "1,000+"."""
    return f"{min(number, COUNTED):,}{'+' if number > COUNTED else ''}"


@register.filter
def percent(rate: Decimal | None) -> str:
    return "-" if rate is None else money.percent(rate)


@register.filter
def stamp(at: datetime | None) -> str:
    return office.stamp(at) if at else "-"


@register.filter
def when(at: datetime | None) -> SafeString | str:
    """A moment that breaks between its day and its time only."""
    day, _, minute = office.stamp(at).partition(" ") if at else ("-", "", "")
    return format_html('<span class="whitespace-nowrap">{}</span> {}', day, minute)


@register.filter
def day(on: date | None) -> str:
    return on.isoformat() if on else "-"


@register.filter
def age(at: datetime | None) -> str:
    """How long ago: "3 h"."""
    return office.since(at) if at else "-"


@register.filter
def badge(text: object, colour: str) -> SafeString:
    return office.badge(colour or "grey", text)


@register.filter
def subject(text: str) -> SafeString | str:
    """A link to what "payout:12" names."""
    return office.subject_link(text)


@register.simple_tag
def page(label: str, pk: object, text: object) -> SafeString:
    """A link to the page of a row of `label`, for example lending.loan."""
    return office.page_link(label, pk, text)


@register.filter
def state(value: str, known: dict[str, tuple[str, str]]) -> SafeString:
    """A state as a badge; `known` is one of the dicts that pages get as `states`."""
    colour, word = known.get(value, ("grey", value))
    return office.badge(colour, word) if value else SafeString("-")


@register.filter
def share(fraction: float | None) -> str:
    """0.305 is 30.5 %."""
    return "-" if fraction is None else f"{100 * fraction:.1f} %"


@register.filter
def hundredth(share_bp: int) -> str:
    """Ten-thousandths as per cent: 1000 is 10."""
    return f"{share_bp / 100:g}"


@register.filter
def state_of(value: str, colours: dict[str, str]) -> SafeString:
    """A state as a badge, in its own words."""
    return office.badge(colours.get(value, "grey"), value.replace("_", " "))


@register.filter
def actor(by: str) -> str:
    """The name of "staff:17", as its colleagues know it."""
    return users.actor_name(by) if by else "-"


@register.filter
def spaced(code: str) -> str:
    """switched_off as people write it."""
    return code.replace("_", " ")


@register.filter
def name_in(by: str, names: Mapping[str, str]) -> str:
    """The name of an actor, out of those that were read at one go."""
    return names.get(by, by)


@register.filter
def short(public_id: object) -> str:
    return str(public_id)[:8]


@register.simple_tag
def moment(label: str, pk: int | None, text: object) -> SafeString | str:
    """What happened, with a link to the row behind it where there is one."""
    return office.page_link(label, pk, text) if pk else str(text)


@register.filter
def put_by(source: str) -> SafeString | str:
    """What put a tag on: a decision and its rule, or a colleague's name."""
    first, _, rule = source.partition(" ")
    if first.startswith("decision:"):
        return format_html("{} {}", office.page_link("risk.decision", first[9:], first.replace(":", " ")), rule)
    return users.actor_name(source) if first.startswith("staff:") else source


@register.simple_tag
def drawn(network: Any) -> SafeString:
    """The network of a customer: they themselves, what they share, and with whom; others lead to their pages."""
    inner = [
        Node(mark=thing.mark, told=f"{thing.kind}: {thing.label}{', and more' if thing.more else ''}", tone="thing")
        for thing in network.things
    ]
    outer = {
        number: Node(
            mark=str(number),
            told=f"{person.name} {person.phone}".strip(),
            name=person.name or "no name",
            tone="other",
            address=reverse("admin:lending_customer_change", args=[person.user_id]),
        )
        for number, person in network.people.items()
    }
    ties = [
        (place, number, f"{thing.label}: {how}")
        for place, thing in enumerate(network.things)
        for number, _, how in thing.people
    ]
    middle = Node(mark=network.name or "?", told="This borrower", tone="self")
    return rings("Network of shared phones, devices, cards and homes", middle, inner, outer, ties)
