"""Experiments: the arms beside each other."""

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Avg, Count, F

from lending import queries as lending
from lending.common.errors import NotFound
from risk.models import Decision, Experiment, ExperimentKind, ShadowDecision
from risk.rules import comparing

BAD_DAYS = 30


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """One arm. Means are over what it approved; limits in cents, rates a fraction a year."""

    arm: str
    release: str
    decisions: int
    approved: int
    referred: int
    declined: int
    mean_limit_cents: int | None
    mean_rate: Decimal | None
    mean_score: int | None
    reasons: tuple[tuple[str, int], ...]
    loans: int
    bad: int

    def percent(self, count: int) -> float:
        return 100 * count / self.decisions if self.decisions else 0.0

    @property
    def approval_percent(self) -> float:
        return self.percent(self.approved)


@dataclass(frozen=True, slots=True)
class Flip:
    """A borrower about whom shadow and decision disagree."""

    decision_id: int
    decided: str
    shadow: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`arms`: champion, challenger; of a shadow: what decided, and what the shadow said of the same borrowers.

    `approval`: the second minus the first. `matrix`: of a shadow, (decided, shadow said, how many). `failed`: how
    often the shadow could not say anything.
    """

    arms: tuple[ArmFigures, ...]
    approval: comparing.Difference | None
    matrix: tuple[tuple[str, str, int], ...]
    flips: tuple[Flip, ...]
    failed: int


def comparison(experiment_id: int) -> Comparison:
    """An experiment up to now. Raises NotFound."""
    row = Experiment.objects.select_related("challenger").filter(pk=experiment_id).first()
    if row is None:
        raise NotFound("There is no such experiment.")
    if row.kind == ExperimentKind.SHADOW:
        return _shadow_comparison(row)
    decided = Decision.objects.filter(experiment=row)
    arms = tuple(_arm(arm, decided.filter(arm=arm)) for arm in ("champion", "challenger"))
    return Comparison(arms, _approval(arms), (), (), 0)


def _shadow_comparison(row: Experiment) -> Comparison:
    said = ShadowDecision.objects.filter(experiment=row)
    answered = said.filter(failure="")
    pairs = answered.values("decision__outcome", "outcome").annotate(n=Count("pk")).order_by("-n")
    differ = answered.exclude(outcome=F("decision__outcome")).select_related("decision").order_by("-pk")[:50]
    arms = (
        _arm("decided", Decision.objects.filter(shadows__in=answered)),
        _arm("shadow", answered),
    )
    return Comparison(
        arms,
        _approval(arms),
        tuple((each["decision__outcome"], each["outcome"], each["n"]) for each in pairs),
        tuple(Flip(each.decision_id, each.decision.outcome, each.outcome, tuple(each.reasons)) for each in differ),
        said.exclude(failure="").count(),
    )


def _approval(arms: tuple[ArmFigures, ...]) -> comparing.Difference | None:
    left, right = arms
    return comparing.difference(left.approved, left.decisions, right.approved, right.decisions)


def _arm(name: str, rows: Any) -> ArmFigures:
    """`rows`: decisions, or shadows of decisions."""
    outcomes = {each["outcome"]: each["n"] for each in rows.order_by().values("outcome").annotate(n=Count("pk"))}
    means = rows.filter(outcome="approve").aggregate(limit=Avg("limit_cents"), rate=Avg("annual_rate"))
    score = rows.aggregate(mean=Avg("score"))["mean"]
    reasons: Counter[str] = Counter()
    for codes in rows.exclude(outcome="approve").values_list("reasons", flat=True):
        reasons.update(codes)
    is_shadow = rows.model is ShadowDecision
    applications = rows.values_list(f"{'decision__' if is_shadow else ''}assessment__application_id", flat=True)
    loans = () if is_shadow else lending.loan_outcomes(applications)
    releases = set(rows.order_by().values_list("release__key", "release__version").distinct())
    return ArmFigures(
        arm=name,
        release=", ".join(f"{key} v{version}" for key, version in sorted(releases)) or "-",
        decisions=sum(outcomes.values()),
        approved=outcomes.get("approve", 0),
        referred=outcomes.get("refer", 0),
        declined=outcomes.get("decline", 0),
        mean_limit_cents=None if means["limit"] is None else int(means["limit"]),
        mean_rate=means["rate"],
        mean_score=None if score is None else round(score),
        reasons=tuple(reasons.most_common(10)),
        loans=len(loans),
        bad=sum(loan.worst_days_late > BAD_DAYS for loan in loans),
    )
