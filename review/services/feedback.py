"""Verdicts against the machine: each names what it disagrees with; where many do, the analysts get a draft."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Max

from lending import queries as lending
from lending.common.errors import Invalid, NotFound
from lending.models import Application
from review.models import Case, CaseOutcome, Override, OverrideBrief
from review.services import quality
from risk import queries as risk
from risk import services as strategies
from users.services import notices

LIKED_GRADES = ("A", "B")
FACTS = ("H", "F")  # reasons that are facts about the person, and say nothing against a score


class FlagNotNamed(Invalid):
    code, title = "flag_not_named", "Name the flags that this approval overrules"


class UnknownChoice(Invalid):
    code, title = "unknown_choice", "The machine did not say this about the case"


@dataclass(frozen=True)
class Choice:
    """Something the machine said that a person may disagree with; `reason` is its code, "" for the score."""

    subject: str
    reason: str
    text: str


def choices(
    *, decision_id: int | None, reasons: Sequence[str], decision: risk.DecisionView | None = None
) -> tuple[Choice, ...]:
    """The rules that hit, then the score; where the decision is not known, the reasons alone. `decision`: where it has
    been read already."""
    decision = decision or _decision(decision_id)
    if decision is None:
        return tuple(Choice(f"reason:{code}", code, code) for code in reasons)
    homes = strategies.rule_homes(decision.id)
    found: dict[str, Choice] = {}
    for hit in decision.hits:
        rule, code = str(hit.get("rule")), str(hit.get("reason") or "")
        subject = f"rule:{homes[rule]}.{rule}" if rule in homes else f"reason:{code}"
        found[subject] = Choice(
            subject, code, f"{subject.partition(':')[2]} → {code} {hit.get('action') or ''}".strip()
        )
    told = {choice.reason for choice in found.values()}
    for code in decision.reasons:
        if code not in told:
            found[f"reason:{code}"] = Choice(f"reason:{code}", code, code)
    if decision.score is not None:
        subject = f"score:{homes.get('', 'score')}"
        found[subject] = Choice(subject, "", f"score {decision.score}, grade {decision.grade}")
    return tuple(found.values())


def _decision(decision_id: int | None) -> risk.DecisionView | None:
    try:
        return risk.decision(decision_id) if decision_id else None
    except NotFound:
        return None


def keep(
    case: Case,
    application: Application,
    outcome: str,
    reasons: Sequence[str],
    disagrees: Sequence[str],
    *,
    by_id: int,
    at: datetime,
) -> None:
    """Keep what a verdict is against: what `disagrees` names, the rules behind flags that an approval names among its
    reasons, and the score where somebody it liked is declined for more than a fact.

    Raises FlagNotNamed where an approval leaves a policy flag unnamed, UnknownChoice.
    """
    known = {
        choice.subject: choice for choice in choices(decision_id=application.decision_id, reasons=application.reasons)
    }
    if strange := [subject for subject in disagrees if subject not in known]:
        raise UnknownChoice(fields={"disagrees": ", ".join(strange)})
    against = dict.fromkeys(disagrees)
    if outcome == CaseOutcome.APPROVE:
        named = {*reasons, *(known[subject].reason for subject in disagrees)}
        flags = [row.code for row in lending.reasons(list(application.reasons)) if row.cls == "P"]
        if missing := [code for code in flags if code not in named]:
            raise FlagNotNamed(
                f"Choose {', '.join(missing)} among the reasons.", fields={"reasons": ", ".join(missing)}, flags=missing
            )
        against |= dict.fromkeys(subject for subject, choice in known.items() if choice.reason in reasons)
    elif _likes(application) and not any(row.cls in FACTS for row in lending.reasons(list(reasons))):
        against |= dict.fromkeys(subject for subject in known if subject.startswith("score:"))
    Override.objects.bulk_create(
        Override(
            case=case,
            subject=subject,
            outcome=outcome,
            decision_id=application.decision_id,
            reviewer_id=by_id,
            created_at=at,
        )
        for subject in against
    )


def _likes(application: Application) -> bool:
    decision = _decision(application.decision_id)
    return decision is not None and decision.score is not None and decision.grade in LIKED_GRADES


# --- to the analysts ----------------------------------------------------------------------------------------------


def run_feedback(*, at: datetime) -> int:
    """Hand the analysts a draft for every rule that was overridden often enough of late; how many.

    An override counts once, and a rule is handed over once within the days of the setting. A transaction for each.
    """
    known, made = quality.settings(), 0
    since = at - timedelta(days=known["override_days"])
    fresh = Override.objects.filter(brief=None, created_at__gte=since).order_by()
    often = fresh.values("subject").annotate(n=Count("pk")).filter(n__gte=known["override_count"])
    for subject in sorted(often.values_list("subject", flat=True)):
        with transaction.atomic(durable=True):
            made += brief(subject=subject, since=since, least=known["override_count"], at=at)
    return made


def brief(*, subject: str, since: datetime, least: int, at: datetime) -> bool:
    """False where another worker was first, or the rule was handed over after `since`."""
    fresh = Override.objects.filter(subject=subject, brief=None, created_at__gte=since)
    rows = list(fresh.select_for_update().order_by("pk"))
    last = OverrideBrief.objects.filter(subject=subject).aggregate(at=Max("created_at"))["at"]
    if len(rows) < least or (last is not None and last > since):
        return False
    notes = _notes(subject, rows)
    proposal = _proposed(subject, rows, notes, since=since, at=at)
    row = OverrideBrief.objects.create(
        subject=subject,
        counted=len(rows),
        first_at=rows[0].created_at,
        created_at=at,
        draft_id=proposal.draft_id,
        backtest_id=proposal.backtest_id,
        told=f"{notes}\n\n{proposal.told}",
    )
    fresh.filter(pk__in=[each.pk for each in rows]).update(brief=row)
    notices.raise_notice(
        kind="overrides_many",
        subject=f"overridebrief:{row.pk}",
        text=f"{_said(subject)} was overridden {len(rows)} times. {proposal.told}",
        at=at,
    )
    return True


def _proposed(
    subject: str, rows: Sequence[Override], notes: str, *, since: datetime, at: datetime
) -> strategies.Proposal:
    kind, _, ident = subject.partition(":")
    if kind == "reason":
        return strategies.Proposal(None, None, "No rule stands behind this reason, so no draft was begun.")
    key, _, rule = ident.partition(".")
    disputed = [
        strategies.Disputed(row.decision_id, rule, row.outcome, f"Case {row.case_id}: a person said {row.outcome}")
        for row in rows
        if row.decision_id is not None
    ]
    return strategies.propose_draft(key=key, notes=notes, disputed=disputed, since=since, until=at, by="system", at=at)


def _notes(subject: str, rows: Sequence[Override]) -> str:
    said: Mapping[str, Any] = {outcome: sum(row.outcome == outcome for row in rows) for outcome in quality.VERDICTS}
    told = [f"{count} {outcome}" for outcome, count in said.items() if count]
    cases = ", ".join(f"#{row.case_id}" for row in rows)
    return f"{_said(subject)} was overridden in {len(rows)} cases ({', '.join(told)}): {cases}."


def _said(subject: str) -> str:
    kind, _, ident = subject.partition(":")
    return f"{kind.capitalize()} {ident}"
