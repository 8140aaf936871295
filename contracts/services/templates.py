"""Contract templates: written by one person, approved by another, never changed after."""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from contracts.models import Template
from contracts.providers import typefaces
from contracts.rules import resolver, variables
from lending.common.errors import Conflict, Forbidden, NotFound
from users.services import acts


class SameAuthor(Forbidden):
    code, title = "same_author", "Nobody approves what they wrote"


class TemplateOverlaps(Conflict):
    """Data `templates`: those in force for some of the same loans."""

    code, title = "template_overlaps", "Another template is in force for some of the same loans"


class TemplateApproved(Conflict):
    code, title = "template_approved", "This template is approved already"


def source_sha256(source: str, style: str) -> str:
    return hashlib.sha256(f"{source}\n{style}".encode()).hexdigest()


def draft(
    *,
    code: str,
    kind: str,
    title_zh: str,
    title_en: str,
    source: str,
    style: str,
    declared: Mapping[str, str],
    valid_from: date,
    author_id: int,
    at: datetime,
    channel_code: str | None = None,
    funder_code: str | None = None,
    product_code: str | None = None,
    mode: str | None = None,
) -> int:
    """The next version of `code`, for somebody else to approve. Raises UnknownType."""
    variables.check_declared(declared)
    latest = Template.objects.filter(code=code).order_by("-version").values_list("version", flat=True).first()
    return Template.objects.create(
        code=code,
        version=(latest or 0) + 1,
        kind=kind,
        title_zh=title_zh,
        title_en=title_en,
        channel_code=channel_code,
        funder_code=funder_code,
        product_code=product_code,
        mode=mode,
        valid_from=valid_from,
        variables=dict(declared),
        source=source,
        style=style,
        source_sha256=source_sha256(source, style),
        author_id=author_id,
        created_at=at,
    ).pk


def approve(*, template_id: int, by_id: int, reason: str, at: datetime) -> None:
    """In force from `valid_from` on. A former version of the same code ends the day before.

    Raises SameAuthor, TemplateApproved, TemplateOverlaps where another code's would fit the same loans.
    """
    template = Template.objects.select_for_update().filter(pk=template_id).first()
    if template is None:
        raise NotFound("There is no such template.")
    if template.author_id == by_id:
        raise SameAuthor()
    if template.approved_at is not None:
        raise TemplateApproved(f"{template} is approved already.")
    in_force = list(Template.objects.select_for_update().filter(kind=template.kind, approved_at__isnull=False))
    former = [one for one in in_force if one.code == template.code and one.valid_to is None]
    others = [selector(one) for one in in_force if one not in former]
    if clashing := resolver.overlapping(selector(template), others):
        raise TemplateOverlaps(templates=[one.name for one in clashing])
    for one in former:
        retire(template=one, last_day=max(one.valid_from, date.fromordinal(template.valid_from.toordinal() - 1)))
    template.approver_id, template.approved_at = by_id, at
    template.save(update_fields=["approver", "approved_at"])
    acts.record(
        by=f"staff:{by_id}",
        act="approve_template",
        subject=f"template:{template_id}",
        reason=reason,
        at=at,
        permission="contracts.change_template",
    )


def retire(*, template: Template, last_day: date) -> None:
    template.valid_to = last_day
    template.save(update_fields=["valid_to"])


def selector(template: Template) -> resolver.Selector:
    return resolver.Selector(
        id=template.pk,
        name=str(template),
        kind=template.kind,
        channel=template.channel_code,
        funder=template.funder_code,
        product=template.product_code,
        mode=template.mode,
        valid_from=template.valid_from,
        valid_to=template.valid_to,
    )


def choose(*, kind: str, channel: str, funder: str, product: str, mode: str, on: date) -> Template:
    """The approved template in force. Raises NoTemplate, AmbiguousTemplate."""
    rows = {row.pk: row for row in Template.objects.filter(kind=kind, approved_at__isnull=False)}
    found = resolver.choose(
        [selector(row) for row in rows.values()],
        kind=kind,
        channel=channel,
        funder=funder,
        product=product,
        mode=mode,
        on=on,
    )
    return rows[found.id]


def check_printable(values: dict[str, Any]) -> None:
    """Raises UnsettableCharacter before anybody waits for a document that cannot be printed."""
    typefaces.check_settable(variables.text_of(values))
