"""Contract templates: written by one person, approved by another, never changed after."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from contracts.models import Template, TemplateState
from contracts.providers import typefaces
from contracts.rules import coverage, outside, resolver, variables
from contracts.services import coverage as covered
from contracts.services import rendering
from contracts.services.coverage import selector
from lending.common import clock
from lending.common.errors import Conflict, Forbidden, Invalid, NotFound
from users.services import acts


class SameAuthor(Forbidden):
    code, title = "same_author", "Nobody approves what they wrote"


class TemplateOverlaps(Conflict):
    """Data `templates`: those in force for some of the same loans."""

    code, title = "template_overlaps", "Another template is in force for some of the same loans"


class StartsTooEarly(Conflict):
    """Data `earliest`: the first day it may be in force."""

    code, title = "starts_too_early", "The version before it is in force on that day already"


class LeavesGap(Conflict):
    """Data `gaps`: the loans that have a template now and would have none, in words."""

    code, title = "leaves_gap", "Some loans would be left without a template"


class EndsTooEarly(Conflict):
    code, title = "ends_too_early", "A template in force ends today at the earliest, and is never made longer"


class DayTooFar(Invalid):
    """Data `latest`: the last day that may be named."""

    code, title = "day_too_far", "No template is dated more than ten years ahead"


class TemplateApproved(Conflict):
    code, title = "template_approved", "This template is approved already"


class TemplateClosed(Conflict):
    code, title = "template_closed", "This draft was withdrawn or rejected; write the next version"


class NotTheAuthor(Forbidden):
    code, title = "not_the_author", "Only who wrote a draft withdraws it"


class OwnDraft(Forbidden):
    code, title = "own_draft", "Nobody rejects what they wrote; withdraw it"


MAY_CHANGE = "contracts.change_template"
DAYS_AHEAD = 3652


def source_sha256(source: str, style: str) -> str:
    return hashlib.sha256(f"{source}\n{style}".encode()).hexdigest()


def check(source: str, style: str, declared: Mapping[str, str]) -> None:
    """Raises UnknownType, LoadsFromOutside, FaultyText, UndeclaredName, UnusedVariable."""
    variables.check_declared(declared)
    outside.check(source, style)
    rendering.check_text(source, declared)


def check_day(day: date, at: datetime) -> None:
    """Raises DayTooFar: what was meant is another year, and no day after it could be reckoned with."""
    last = clock.business_date(at) + timedelta(days=DAYS_AHEAD)
    if day > last:
        raise DayTooFar(f"The last day possible is {last}.", latest=last.isoformat())


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
    """The next version of `code`, for somebody else to approve.

    Raises UnknownType, LoadsFromOutside, FaultyText, UndeclaredName, UnusedVariable, DayTooFar.
    """
    check(source, style, declared)
    check_day(valid_from, at)
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


def approve(
    *, template_id: int, by_id: int, reason: str, at: datetime, starts: date | None = None, gap: str = ""
) -> None:
    """In force from `valid_from` on, or from `starts`. A former version of the same code ends the day before.

    `gap`: why loans that have a template now may be left without one. Raises SameAuthor, TemplateApproved,
    TemplateClosed, LoadsFromOutside, FaultyText, UndeclaredName, UnusedVariable, DayTooFar; StartsTooEarly where the
    former version would have no day; TemplateOverlaps where another code's would fit the same loans; LeavesGap where
    that is so and `gap` does not say why.
    """
    template = _locked(template_id)
    if template.author_id == by_id:
        raise SameAuthor()
    _check_draft(template)
    check(template.source, template.style, template.variables)
    template.valid_from = starts or template.valid_from
    check_day(template.valid_from, at)
    in_force = list(Template.objects.filter(kind=template.kind, approved_at__isnull=False))
    former = [one for one in in_force if one.code == template.code and one.valid_to is None]
    if former and template.valid_from < (earliest := earliest_start(former)):
        raise StartsTooEarly(f"The earliest day is {earliest}.", earliest=earliest.isoformat())
    others = [selector(one) for one in in_force if one not in former]
    if clashing := resolver.overlapping(selector(template), others):
        raise TemplateOverlaps(templates=[one.name for one in clashing])
    who: dict[str, Any] = {
        "by": f"staff:{by_id}",
        "subject": f"template:{template_id}",
        "at": at,
        "permission": MAY_CHANGE,
    }
    _state_gap(covered.with_new(selector(template), template.code), gap, who)
    for one in former:
        _retire(one, template.valid_from - timedelta(days=1))
    template.approver_id, template.approved_at = by_id, at
    template.approve()
    template.save(update_fields=["valid_from", "approver", "approved_at", "state"])
    acts.record(act="approve_template", reason=reason, **who)


def withdraw(*, template_id: int, reason: str, by: str, at: datetime) -> None:
    """Its writer takes a draft back. Raises NotFound, NotTheAuthor, TemplateApproved, TemplateClosed, NotAllowed,
    ReasonRequired."""
    template = _locked(template_id)
    acts.require(by=by, permission=MAY_CHANGE)
    if by != f"staff:{template.author_id}":
        raise NotTheAuthor()
    _check_draft(template)
    template.withdraw()
    _close(template, "withdraw_template", reason, by, at)


def reject(*, template_id: int, reason: str, by: str, at: datetime) -> None:
    """Somebody else sends a draft back to its writer, who reads why. Raises NotFound, OwnDraft, TemplateApproved,
    TemplateClosed, NotAllowed, ReasonRequired."""
    template = _locked(template_id)
    acts.require(by=by, permission=MAY_CHANGE)
    if by == f"staff:{template.author_id}":
        raise OwnDraft()
    _check_draft(template)
    template.reject()
    _close(template, "reject_template", reason, by, at)


def _check_draft(template: Template) -> None:
    if template.state == TemplateState.APPROVED:
        raise TemplateApproved(f"{template} is approved already.")
    if template.state != TemplateState.DRAFT:
        raise TemplateClosed(f"{template} was {template.state}.")


def _close(template: Template, act: str, reason: str, by: str, at: datetime) -> None:
    template.closed_by_id, template.closed_at = int(by.removeprefix("staff:")), at
    template.closed_for = acts.checked(reason)
    template.save(update_fields=["state", "closed_by", "closed_at", "closed_for"])
    acts.record(by=by, act=act, subject=f"template:{template.pk}", reason=reason, at=at)


def end(*, template_id: int, last_day: date, reason: str, by: str, at: datetime, gap: str = "") -> None:
    """An approved template ends.

    Raises NotFound, EndsTooEarly, DayTooFar, LeavesGap as `approve`, NotAllowed, ReasonRequired.
    """
    template = _locked(template_id)
    check_day(last_day, at)
    if template.approved_at is None:
        raise NotFound("There is no such template in force.")
    too_long = template.valid_to is not None and last_day > template.valid_to
    if too_long or last_day < max(template.valid_from, clock.business_date(at)):
        raise EndsTooEarly(f"{template} is in force from {template.valid_from}.")
    others = [one for one in covered.in_force() if one.id != template_id]
    who: dict[str, Any] = {"by": by, "subject": f"template:{template_id}", "at": at, "permission": MAY_CHANGE}
    _state_gap([*others, replace(selector(template), valid_to=last_day)], gap, who)
    _retire(template, last_day)
    acts.record(act="end_template", reason=reason, **who)


def _locked(template_id: int) -> Template:
    """With every template of its kind held, so that two changes at once see each other."""
    kind = Template.objects.filter(pk=template_id).values("kind")
    rows = {row.pk: row for row in Template.objects.select_for_update().filter(kind__in=kind).order_by("pk")}
    if template_id not in rows:
        raise NotFound("There is no such template.")
    return rows[template_id]


def _state_gap(after: Sequence[resolver.Selector], gap: str, who: dict[str, Any]) -> None:
    """A gap that the change makes is refused, or kept with its reason."""
    gaps = covered.lost(after, clock.business_date(who["at"]))
    if gaps and not gap.strip():
        raise LeavesGap(f"{coverage.said(gaps)}. Say why, or close the gap first.", gaps=coverage.said(gaps))
    if gaps:
        acts.record(act="leave_gap", reason=gap, **who)


def _retire(template: Template, last_day: date) -> None:
    template.valid_to = last_day
    template.save(update_fields=["valid_to"])


def earliest_start(former: Iterable[Template]) -> date:
    """Each version keeps a day at least, so that no day has two."""
    return max(one.valid_from for one in former) + timedelta(days=1)


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
