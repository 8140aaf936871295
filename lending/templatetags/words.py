"""How pages write amounts, rates, days and texts that exist in two languages."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import template
from django.utils import formats, translation
from django.utils.translation import gettext

from lending.common import clock
from lending.common.money import format_cents, percent

register = template.Library()


@register.filter
def money(amount_cents: int | None) -> str:
    """1000000 -> ¥10,000.00"""
    return "" if amount_cents is None else format_cents(amount_cents)


@register.filter
def yuan(amount_cents: int | None) -> str:
    """Whole yuan for an input: 1000000 -> 10000, 1050 -> 10.50"""
    if amount_cents is None:
        return ""
    major, minor = divmod(amount_cents, 100)
    return f"{major}.{minor:02d}" if minor else str(major)


@register.filter
def rate(fraction: Decimal | None) -> str:
    """0.204 -> 20.40%"""
    return "" if fraction is None else percent(fraction)


@register.filter
def day(value: date | datetime | None) -> str:
    """In the reader's own order: 2 Mar 2026, 2026年3月2日."""
    if value is None:
        return ""
    on = clock.business_date(value) if isinstance(value, datetime) else value
    return formats.date_format(on, "Y年n月j日" if _chinese() else "j M Y")


@register.filter
def instant(value: datetime | None) -> str:
    """A day and the time of it, as read in the market."""
    return "" if value is None else f"{day(value)} {clock.local(value):%H:%M}"


@register.filter
def said(row: Any, name: str = "text") -> str:
    """The text of a row that carries both languages: `text_zh` or `text_en`; `name` may also be bare with `_zh`."""
    english = getattr(row, f"{name}_en", None)
    chinese = getattr(row, f"{name}_zh", "")
    return str(chinese if _chinese() and chinese else getattr(row, name, "") if english is None else english)


@register.filter
def months(count: int) -> str:
    return gettext("%(count)s months") % {"count": count}


def _chinese() -> bool:
    return (translation.get_language() or "").startswith("zh")
