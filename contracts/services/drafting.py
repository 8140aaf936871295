"""What legal writes and looks at before anybody approves it: a next version, its pages filled in, what it changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from contracts.models import Template, TemplateState
from contracts.rules import diff, samples, variables
from contracts.services import rendering, templates
from lending.common.errors import NotFound
from users.services import acts

NUMBER = "XX-20260302-0000000000"


@dataclass(frozen=True, slots=True)
class Text:
    """Everything of a version that somebody writes. Selectors: "" fits every loan."""

    title_zh: str
    title_en: str
    source: str
    style: str
    declared: Mapping[str, str]
    valid_from: date
    channel_code: str = ""
    funder_code: str = ""
    product_code: str = ""
    mode: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One part of a template that is another in the new version."""

    part: str
    lines: tuple[diff.Line, ...]


def text_of(template: Template) -> Text:
    columns: dict[str, Any] = {
        name: getattr(template, name) or "" for name in Text.__dataclass_fields__ if name != "declared"
    }
    return Text(declared=template.variables, **columns)


def _columns(text: Text) -> dict[str, Any]:
    """As the model keeps it."""
    written = {name: getattr(text, name) for name in Text.__dataclass_fields__ if name != "declared"}
    return written | {name: written[name] or None for name in _SELECTORS} | {"variables": dict(text.declared)}


def write(*, template_id: int, text: Text, reason: str, by: str, at: datetime) -> int:
    """The draft with this text: the row itself where it is a draft of the writer's own, else a next version of
    its code. Returns its id.

    Raises NotFound, NotAllowed, ReasonRequired, UnknownType, LoadsFromOutside, FaultyText, UndeclaredName,
    UnusedVariable, DayTooFar.
    """
    former = Template.objects.select_for_update().filter(pk=template_id).first()
    if former is None:
        raise NotFound("There is no such template.")
    acts.record(
        by=by,
        act="write_template",
        subject=f"template:{template_id}",
        reason=reason,
        at=at,
        permission=templates.MAY_CHANGE,
    )
    author_id, columns = int(by.removeprefix("staff:")), _columns(text)
    if former.state != TemplateState.DRAFT or former.author_id != author_id:
        declared = columns.pop("variables")
        return templates.draft(
            code=former.code, kind=former.kind, declared=declared, author_id=author_id, at=at, **columns
        )
    templates.check(text.source, text.style, text.declared)
    templates.check_day(text.valid_from, at)
    for name, value in columns.items():
        setattr(former, name, value)
    former.source_sha256 = templates.source_sha256(text.source, text.style)
    former.save()
    return former.pk


_SELECTORS = ("channel_code", "funder_code", "product_code", "mode")


def preview(*, template: Template, text: Text | None = None, without_optional: bool = False) -> str:
    """The page as a borrower would see it, filled in by type. Nothing is stored.

    Raises UnknownType, LoadsFromOutside, FaultyText, UndeclaredName, UnusedVariable.
    """
    shown, values = _filled(template, text, without_optional)
    page = rendering.html(template=shown, values=values, number=NUMBER)
    return page.replace("</head>", f"<style>{shown.style}</style></head>")


def preview_pdf(*, template: Template, text: Text | None = None, without_optional: bool = False) -> bytes:
    """The same, printed. Raises as `preview`, UnsettableCharacter, FontsMissing."""
    shown, values = _filled(template, text, without_optional)
    return rendering.pdf(template=shown, values=values, number=NUMBER)


def _filled(template: Template, text: Text | None, without_optional: bool) -> tuple[Template, dict[str, Any]]:
    text = text or text_of(template)
    templates.check(text.source, text.style, text.declared)
    shown = Template(version=template.version, **_columns(text))
    return shown, samples.sample(text.declared, without_optional=without_optional)


def beside(template: Template, version: int | None = None) -> tuple[Template | None, tuple[Change, ...]]:
    """That version of its code, or the one it would replace (the latest approved before it), and what changed since."""
    others = Template.objects.filter(code=template.code).exclude(pk=template.pk).order_by("-version")
    other = others.filter(version=version).first() if version else None
    other = other or others.filter(version__lt=template.version, approved_at__isnull=False).first()
    return other, _changes(other, template) if other else ()


def _changes(old: Template, new: Template) -> tuple[Change, ...]:
    """Part by part, only those that differ."""
    parts = {
        "Title in Chinese": (old.title_zh, new.title_zh),
        "Title in English": (old.title_en, new.title_en),
        "Fits": (_fits(old), _fits(new)),
        "Variables": (variables.written(old.variables), variables.written(new.variables)),
        "Text": (old.source, new.source),
        "Style": (old.style, new.style),
    }
    found = (Change(part, diff.side_by_side(*both)) for part, both in parts.items())
    return tuple(change for change in found if change.lines)


def _fits(template: Template) -> str:
    return "\n".join(f"{name}: {getattr(template, name) or 'every'}" for name in _SELECTORS)
