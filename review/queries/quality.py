"""What second looks found: agreement, errors, what is to be talked about; and overrides by rule."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Max, Q, QuerySet

from lending.common import clock
from review.models import DriftAlarm, ErrorClass, Override, OverrideBrief, QualitySetting, SecondLook
from review.rules.agreement import Agreement, agreement
from users import queries as users


@dataclass(frozen=True, slots=True)
class AgreementRow:
    name: str
    found: Agreement


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """How often each class was found with one reviewer; `counts` in the order of `QualityFigures.classes`."""

    reviewer: str
    looks: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CoachingRow:
    look_id: int
    case_id: int
    reviewer: str
    severity: int
    outcome: str
    verdict: str
    errors: tuple[str, ...]
    note: str
    done_at: datetime | None
    reply: str


@dataclass(frozen=True, slots=True)
class AlarmRow:
    subject: str
    metric: str
    raised_on: date
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class QualityFigures:
    """`target`: the kappa aimed at. `pairs`: reviewer and checker. `coaching`: not acknowledged, the worst first."""

    least: int
    target: float
    waiting: int
    done: int
    pairs: tuple[AgreementRow, ...]
    reviewers: tuple[AgreementRow, ...]
    queues: tuple[AgreementRow, ...]
    classes: tuple[tuple[str, str, str], ...]
    errors: tuple[ErrorRow, ...]
    coaching: tuple[CoachingRow, ...]
    alarms: tuple[AlarmRow, ...]


@dataclass(frozen=True, slots=True)
class OverrideRow:
    """One rule, reason or score with how often people judged against it; `brief_*` of the latest draft about it."""

    subject: str
    approved: int
    declined: int
    latest_at: datetime
    cases: tuple[int, ...]
    brief_id: int | None
    draft_id: int | None
    backtest_id: int | None


def quality_figures(*, since: date, until: date) -> QualityFigures:
    """Of the second looks that were done on the business days `since` to `until`."""
    settings = dict(QualitySetting.objects.values_list("code", "value"))
    least = settings.get("kappa_least", 20)
    done = _done(since, until)
    looks = list(
        done.order_by().values_list(
            "reviewer_id", "checker_id", "queue__code", "outcome", "verdict", "recommender_id", "recommendation"
        )
    )
    pairs: dict[tuple[int, int], list[tuple[str, str]]] = defaultdict(list)
    reviewers: dict[int, list[tuple[str, str]]] = defaultdict(list)
    queues: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for reviewer, checker, queue, outcome, verdict, recommender, recommendation in looks:
        pairs[reviewer, checker].append((outcome, verdict))
        reviewers[reviewer].append((outcome, verdict))
        queues[queue].append((outcome, verdict))
        if recommender:
            pairs[recommender, checker].append((recommendation, verdict))
            reviewers[recommender].append((recommendation, verdict))
    names = _names([*reviewers, *(checker for _, checker in pairs)])
    return QualityFigures(
        least=least,
        target=settings.get("kappa_target_percent", 75) / 100,
        waiting=SecondLook.objects.filter(done_at=None).count(),
        done=len(looks),
        pairs=_agreements({f"{names[one]} × {names[two]}": said for (one, two), said in pairs.items()}, least),
        reviewers=_agreements({names[one]: said for one, said in reviewers.items()}, least),
        queues=_agreements(queues, least),
        classes=tuple(ErrorClass.objects.values_list("code", "text_zh", "text_en")),
        errors=_errors(done, names),
        coaching=coaching(),
        alarms=tuple(
            AlarmRow(
                subject=_subject(row.subject),
                metric=row.metric,
                raised_on=row.raised_on,
                before=f"{row.before_rate:.0%} of {row.before_count}",
                now=f"{row.now_rate:.0%} of {row.now_count}",
            )
            for row in DriftAlarm.objects.filter(raised_on__gte=since, raised_on__lte=until)[:50]
        ),
    )


def _done(since: date, until: date) -> QuerySet[SecondLook]:
    begins = clock.end_of(since - timedelta(days=1))
    return SecondLook.objects.filter(done_at__gte=begins, done_at__lt=clock.end_of(until))


def _agreements(said: dict[str, list[tuple[str, str]]], least: int) -> tuple[AgreementRow, ...]:
    rows = [AgreementRow(name, agreement(pairs, least=least)) for name, pairs in said.items()]
    return tuple(sorted(rows, key=lambda row: (-row.found.count, row.name)))


def _errors(done: QuerySet[SecondLook], names: dict[int, str]) -> tuple[ErrorRow, ...]:
    codes = list(ErrorClass.objects.values_list("code", flat=True))
    found: dict[int, Counter[str]] = defaultdict(Counter)
    looks: Counter[int] = Counter()
    for reviewer, errors in done.order_by().values_list("reviewer_id", "errors"):
        looks[reviewer] += 1
        found[reviewer].update(errors)
    return tuple(
        ErrorRow(names[reviewer], looks[reviewer], tuple(found[reviewer][code] for code in codes)) for reviewer in looks
    )


def coaching(reviewer_id: int | None = None) -> tuple[CoachingRow, ...]:
    """What was found and nobody has answered yet, of one reviewer or of all, the worst first."""
    rows = SecondLook.objects.filter(done_at__isnull=False, severity__isnull=False, acknowledged_at=None)
    if reviewer_id is not None:
        rows = rows.filter(reviewer_id=reviewer_id)
    found = list(rows.order_by("-severity", "pk")[:200])
    names = _names([row.reviewer_id for row in found])
    return tuple(
        CoachingRow(
            look_id=row.pk,
            case_id=row.case_id,
            reviewer=names[row.reviewer_id],
            severity=row.severity or 0,
            outcome=row.outcome,
            verdict=row.verdict,
            errors=tuple(row.errors),
            note=row.note,
            done_at=row.done_at,
            reply=row.reply,
        )
        for row in found
    )


def overrides(*, since: date, until: date) -> tuple[OverrideRow, ...]:
    """By what they were against, the most frequent first, with their latest ten cases."""
    begins, ends = clock.end_of(since - timedelta(days=1)), clock.end_of(until)
    rows = Override.objects.filter(created_at__gte=begins, created_at__lt=ends).order_by()
    counted = rows.values("subject").annotate(
        approved=Count("pk", filter=Q(outcome="approve")),
        declined=Count("pk", filter=Q(outcome="decline")),
        latest_at=Max("created_at"),
        cases=ArrayAgg("case_id", order_by="-pk"),
    )
    latest = OverrideBrief.objects.order_by("subject", "-pk").distinct("subject")
    briefs = {row.subject: row for row in latest}
    found = []
    for row in counted:
        brief = briefs.get(row["subject"])
        found.append(
            OverrideRow(
                subject=row["subject"],
                approved=row["approved"],
                declined=row["declined"],
                latest_at=row["latest_at"],
                cases=tuple(row["cases"][:10]),
                brief_id=brief.pk if brief else None,
                draft_id=brief.draft_id if brief else None,
                backtest_id=brief.backtest_id if brief else None,
            )
        )
    return tuple(sorted(found, key=lambda row: (-(row.approved + row.declined), row.subject)))


def _names(ids: Iterable[int]) -> dict[int, str]:
    wanted = set(ids)
    names = users.actor_names(f"staff:{pk}" for pk in wanted)
    return {pk: names[f"staff:{pk}"] for pk in wanted}


def _subject(subject: str) -> str:
    kind, _, ident = subject.partition(":")
    return users.actor_name(f"staff:{ident}") if kind == "reviewer" else ident
