"""Gaps and overlaps of the templates over all loans there may be, as they are and as a change would leave them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from contracts.models import Template, TemplateState
from contracts.rules import coverage, kinds
from contracts.rules.resolver import Selector
from lending import queries as lending

MODES = ("direct", "own")
# What is issued; nothing issues a transfer notice yet.
KINDS = (*kinds.signing_set(guaranteed=True), kinds.ACCOUNT_ANNEX, kinds.NOTE, kinds.SETTLED_LETTER)
SHOWN_DAYS = 365


@dataclass(frozen=True, slots=True)
class Picture:
    """A year of every kind. `faults`: its rows that have a gap or an overlap."""

    first: date
    last: date
    rows: tuple[coverage.Row, ...]

    @property
    def faults(self) -> tuple[coverage.Row, ...]:
        return tuple(row for row in self.rows if any(one.is_gap or one.overlaps for one in row.stretches))


def selector(template: Template) -> Selector:
    return Selector(
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


def in_force() -> list[Selector]:
    rows = Template.objects.filter(approved_at__isnull=False).defer("source", "style")
    return [selector(row) for row in rows]


def with_new(new: Selector, code: str) -> list[Selector]:
    """The selectors in force once `new` is: a version of its code without end ends the day before."""
    formers = Template.objects.filter(code=code, approved_at__isnull=False, valid_to=None).exclude(pk=new.id)
    former = set(formers.values_list("pk", flat=True))
    eve = new.valid_from - timedelta(days=1)
    return [replace(one, valid_to=eve) if one.id in former else one for one in in_force() if one.id != new.id] + [new]


def lost(after: Sequence[Selector], on: date) -> tuple[coverage.Row, ...]:
    """The loans that have a template now and would have none, from `on` on."""
    before = in_force()
    over = coverage.universe(known(), (*before, *after))
    return coverage.lost(before, after, kinds=KINDS, over=over, first=on)


def picture(on: date, template_id: int | None = None) -> Picture:
    """A year from `on`; with a draft's id, as it would be once that is approved."""
    draft = Template.objects.filter(pk=template_id, state=TemplateState.DRAFT).first() if template_id else None
    after = with_new(selector(draft), draft.code) if draft else in_force()
    over, last = coverage.universe(known(), after), on + timedelta(days=SHOWN_DAYS)
    return Picture(on, last, coverage.rows(after, kinds=KINDS, over=over, first=on, last=last))


def outlook(template: Template, on: date) -> str:
    """What approving a draft would do, for whoever is about to."""
    if template.state != TemplateState.DRAFT:
        return ""
    after = with_new(selector(template), template.code)
    gaps = coverage.said(lost(after, on))
    return f"In force from {template.valid_from}. " + (
        f"It would leave without a template: {gaps}" if gaps else "No gap."
    )


def known() -> dict[str, tuple[str, ...]]:
    return {
        "mode": MODES,
        "funder": lending.party_codes("funder"),
        "product": tuple(product.code for product in lending.products()),
        "channel": lending.party_codes("channel"),
    }
