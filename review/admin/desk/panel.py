"""The acts of a case as forms on its page: the main one open, reasons in groups that fit the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lending import queries as lending
from lending.common.errors import DomainError, Invalid
from lending.common.money import format_cents
from lending.common.shown import stamp
from review import queries
from review.admin.acts import ACTS, Act, buttons
from review.admin.forms import Codes, ReasonForm
from review.services.gate import ApplicationLeft, CaseMoved, NotYourCase
from users import queries as users

KEYS = {
    "recommend": "a",
    "decide": "a",
    "supplement": "s",
    "return": "r",
    "escalate": "e",
    "suspend": "u",
    "release": "b",
    "recuse": "x",
    "skip": "w",
    "amount": "c",
}
PLAIN = ("outcome", "reasons", "disagrees", "note")  # the page sets these itself


@dataclass(frozen=True)
class Reason:
    code: str
    text: str
    chosen: bool


@dataclass(frozen=True)
class Group:
    """Reasons under a heading. `outcome`: the verdict they belong to, "" for any; `folded` until somebody looks."""

    title: str
    outcome: str
    reasons: tuple[Reason, ...]
    folded: bool = False


@dataclass(frozen=True)
class Panel:
    """One act. `refusal`: why it was not done; the form still holds what was typed."""

    name: str
    title: str
    key: str
    form: Any
    fields: Sequence[Any]
    groups: tuple[Group, ...]
    outcome: str
    open: bool
    refusal: str = ""


def panels(
    case: queries.CaseView,
    application: lending.ApplicationView,
    *,
    user_id: int,
    at: datetime,
    known: Codes,
    tried: str = "",
    form: Any = None,
    refusal: str = "",
) -> list[Panel]:
    """Every act of this account on this case. `tried`: the one just posted with `form`, shown whatever it now may."""
    named = dict(buttons(case, user_id))
    if tried and tried not in named:
        named = {tried: ACTS[tried]} | named
    found = []
    for place, (name, act) in enumerate(named.items()):
        own = form if name == tried and form is not None else _form(act, name, application, at, known)
        opened = name == tried if tried else place == 0 and case.claimed_by_id == user_id
        found.append(_panel(name, act, own, application, opened, refusal if name == tried else ""))
    return found


def _form(act: Act, name: str, application: lending.ApplicationView, at: datetime, known: Codes) -> ReasonForm:
    return act.form(application=application, at=at, known=known, auto_id=f"{name}_%s")


def _panel(name: str, act: Act, form: Any, application: lending.ApplicationView, opened: bool, refusal: str) -> Panel:
    outcome = str(form["outcome"].value() or "") if "outcome" in form.fields else ""
    return Panel(
        name=name,
        title=act.title,
        key=KEYS.get(name, ""),
        form=form,
        fields=[form[field] for field in form.fields if field not in PLAIN],
        groups=_groups(form, application),
        outcome=outcome,
        open=opened,
        refusal=refusal,
    )


def _groups(form: Any, application: lending.ApplicationView) -> tuple[Group, ...]:
    """A verdict has reasons to approve, flags of this case (overruled, or the reason to decline), and all others."""
    ticked = set(form["reasons"].value() or [])
    choices = [Reason(code, _without(code, text), code in ticked) for code, text in form.fields["reasons"].choices]
    if "outcome" not in form.fields:
        return (Group("", "", tuple(choices)),)
    findings = {row.code for row in form.known.findings.get("approve", ())}
    flags = set(application.reasons)
    approve = tuple(row for row in choices if row.code in findings)
    flagged = tuple(row for row in choices if row.code in flags)
    others = tuple(row for row in choices if row.code not in findings | flags)
    groups = (
        Group("通过理由 Confirmed", "approve", approve),
        Group("本案风险提示 Flags of this case", "", flagged),
        Group("拒绝理由 Reasons to decline", "decline", others, folded=bool(flagged)),
    )
    return tuple(group for group in groups if group.reasons)


def _without(code: str, text: str) -> str:
    return text.removeprefix(code).strip()


# --- refusals -----------------------------------------------------------------------------------------------------

HAPPENED = {
    "claim": "{who} took it",
    "recommend": "{who} gave the initial verdict ({outcome})",
    "decide": "{who} decided it ({outcome})",
    "supplement": "{who} asked the borrower for documents",
    "resume": "it was taken up again",
    "return": "{who} returned it to the initial stage",
    "suspend": "{who} suspended it",
    "escalate": "{who} passed it to a higher level",
    "release": "{who} gave it back to the queue",
    "call": "{who} called somebody",
    "verify": "{who} finished a telephone verification",
    "except": "{who} stated why no telephone verification is needed",
    "late": "it became at risk or late",
    "skip": "{who} skipped it",
    "dispatch": "it was dealt out to a reviewer",
    "amount": "{who} proposed another amount",
    "reroute": "it went to another queue or level",
    "lapse": "the time to work on it ran out without activity, and it went back to the queue",
    "recuse": "{who} stepped back from it",
    "void": "the application ended without a verdict",
}


def explained(error: DomainError, case_id: int) -> str:
    """The refusal for whoever typed the form: what happened meanwhile, who did it, and what can be done."""
    if isinstance(error, CaseMoved | ApplicationLeft | NotYourCase):
        return _meanwhile(error, case_id)
    if most := error.data.get("maximum_cents"):
        return f"{error.title}: at most {format_cents(int(most))}."
    fields = error.fields if isinstance(error, Invalid) else {}
    return "; ".join([error.detail, *(f"{field}: {text}" for field, text in fields.items())])


LEFT = {
    "WITHDRAWN": "The borrower withdrew the application.",
    "EXPIRED": "The application expired.",
    "SUPPLEMENT": "The borrower was asked for documents.",
}


def _meanwhile(error: DomainError, case_id: int) -> str:
    case, last = queries.case(case_id), queries.actions_of(case_id)[-1:]
    if case is None or not last:
        return error.detail
    status = lending.application(case.application_id).status
    parts = [] if status == "REFERRED" else [LEFT.get(status, f"The application is {status}.")]
    row = last[0]
    if not isinstance(error, ApplicationLeft):
        told = HAPPENED.get(row.action, row.action).format(who=users.actor_name(row.actor), outcome=row.outcome)
        parts.append(f"At {stamp(row.occurred_at)[-5:]} {told}.")
    if row.action == "lapse":
        parts.append("Claim it again with “Next case”.")
    elif isinstance(error, NotYourCase) and not case.claimed_by_id:
        parts.append(f"{error.title}.")
    return " ".join(parts)
