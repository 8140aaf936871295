"""How things are written in the back office: badges, ages, moments, links."""

import base64
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from django.contrib import admin
from django.db import models
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from lending.common import clock

LINK = '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>'
# The five colours of the visual system: what waits, what is done, what is wrong, what moves, what rests.
COLOURS = {"amber": "warning", "green": "success", "red": "danger", "teal": "primary", "grey": "default"}


def right(text: str) -> SafeString:
    return format_html('<span class="amount block text-right tabular-nums whitespace-nowrap">{}</span>', text)


def badge(colour: str, text: object) -> SafeString:
    """`text` in one of the five colours, in lists and on pages alike."""
    return render_to_string("unfold/helpers/label.html", {"type": COLOURS[colour], "text": text})


def since(value: datetime) -> str:
    """How long ago, in one unit: "3 h"."""
    seconds = int((clock.now() - value).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"


def stamp(at: datetime) -> str:
    return f"{clock.local(at):%Y-%m-%d %H:%M}"


def page_link(model: type[models.Model] | str, pk: object, text: object) -> SafeString:
    """A link to the page of a row; `model`, or its label where its app keeps it to itself. Text where there is none."""
    label = model if isinstance(model, str) else model._meta.label_lower
    try:
        address = reverse(f"admin:{label.replace('.', '_')}_change", args=[pk])
    except NoReverseMatch:
        return format_html("{}", text)
    return format_html(LINK, address, text)


def page_links(found: Sequence[SafeString]) -> SafeString | str:
    return format_html_join(mark_safe("<br>"), "{}", ((link,) for link in found)) if found else "-"


def file_in_page(content: bytes, ending: str, title: str) -> SafeString:
    """A jpg, png or pdf itself, in the page: seen once, and kept by no cache."""
    data = base64.b64encode(content).decode()
    if ending == "pdf":
        return format_html(
            '<a class="underline" download="{}.pdf" href="data:application/pdf;base64,{}">PDF</a>', title, data
        )
    kind = "jpeg" if ending == "jpg" else ending
    return format_html('<img class="max-w-full" alt="{}" src="data:image/{};base64,{}">', title, kind, data)


def subject_link(subject: str) -> SafeString | str:
    """A link to what "payout:12" or "funder:HYF" names; text where no table is called so."""
    kind, _, ident = subject.partition(":")
    found = [
        model for model in admin.site._registry if model._meta.model_name == ("customer" if kind == "user" else kind)
    ]
    if not found or not ident:
        return subject
    name, key = str(found[0]._meta.verbose_name), found[0]._meta.pk
    if isinstance(key, models.AutoField | models.BigAutoField) and not ident.isdigit():
        address = f"{_list_of(found[0])}?q={quote(ident)}"
        return format_html(
            '<a class="text-primary-600 dark:text-primary-500" href="{}">{} {}</a>', address, name, ident
        )
    return page_link(found[0], ident, f"{name} {ident}")


def _list_of(model: type[models.Model]) -> str:
    return reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")
