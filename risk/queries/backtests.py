"""What backtests found, for the publish gate and for whoever asks about a content."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from risk.models import Backtest, BacktestState
from users import queries as users


@dataclass(frozen=True, slots=True)
class BacktestView:
    """A backtest that is done. Rates are fractions of all rows; `approval_before` is None without a baseline.

    `swaps`: {"out": approved before and not now, "in": the other way}, each {rows, told, bad, rate, reasons:
    [[code, rows]], samples: [{ref, bad, before, now}]}. `samples` name people by their reference: show them, and keep
    no copy in clear. `quality`: {ks, auc, gini, rows, bad} or None.
    """

    id: int
    candidate: str
    candidate_sha256: str
    scenario: str
    baseline: str
    source: str
    rows: int
    errors: int
    approval_before: float | None
    approval_now: float
    bad_rate_before: float | None
    bad_rate_now: float | None
    quality: Mapping[str, Any] | None
    swaps: Mapping[str, Any] | None = field(repr=False)
    below_the_line: tuple[str, ...]
    by_name: str
    finished_at: datetime


def backtest_for(candidate_sha256: str) -> BacktestView | None:
    """The latest done one of exactly this content: a release's `closure_sha256`, `closure_digest` of a draft's set."""
    rows = Backtest.objects.select_related("scenario", "baseline", "dataset")
    row = rows.filter(candidate_sha256=candidate_sha256, state=BacktestState.DONE).order_by("-pk").first()
    if row is None or row.finished_at is None:
        return None
    told, now, before = row.summary, row.summary["candidate"], row.summary["baseline"]
    return BacktestView(
        id=row.pk,
        candidate=row.candidate_name,
        candidate_sha256=row.candidate_sha256,
        scenario=row.scenario.code,
        baseline=str(row.baseline or ""),
        source=row.source,
        rows=told["rows"],
        errors=now["outcomes"]["error"],
        approval_before=before["rates"]["approve"] if before else None,
        approval_now=now["rates"]["approve"],
        bad_rate_before=before["approved_bad"]["rate"] if before else None,
        bad_rate_now=now["approved_bad"]["rate"],
        quality=now["quality"],
        swaps=told["swaps"],
        below_the_line=tuple(
            f"{group['group']}: {value['value']}"
            for group in told["fairness"]
            for value in group["values"]
            if value["verdict"] == "below the line"
        ),
        by_name=users.actor_name(row.by),
        finished_at=row.finished_at,
    )
