"""What backtests found, for the publish gate and for whoever asks about a content."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lending.common.errors import NotFound
from risk.models import Backtest, BacktestState, ChunkState
from users import queries as users


@dataclass(frozen=True, slots=True)
class BacktestView:
    """A backtest that is done. Rates are fractions of all rows; `approval_before` is None without a baseline.

    `swaps`: {"out": approved before and not now, "in": the other way}, each {rows, told, bad, rate, reasons:
    [[code, rows]], samples: [{ref, bad, before, now}]}. `samples` name people by their reference: show them, and keep
    no copy in clear. `faults`: of rows that ended in an error, {code, node, field, rows, refs}, the most first.
    `quality`: {ks, auc, gini, rows, bad} or None.
    """

    id: int
    candidate: str
    candidate_sha256: str
    scenario: str
    baseline: str
    source: str
    rows: int
    errors: int
    faults: tuple[Mapping[str, Any], ...] = field(repr=False)
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
        faults=tuple(now["faults"]),
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


def swap_samples(candidate_sha256: str, each_way: int = 10) -> tuple[Mapping[str, Any], ...]:
    """Some of whom the content would decide otherwise, approved before and approved now in turn: {ref, bad, before,
    now}. They name people."""
    found = backtest_for(candidate_sha256)
    if found is None or not found.swaps:
        return ()
    return tuple(sample for way in ("out", "in") for sample in found.swaps[way]["samples"][:each_way])


def undecided_rows(backtest_id: int) -> tuple[Mapping[str, Any], ...]:
    """Rows of a done backtest that the candidate could not decide, by error: {code, node, field, rows, refs}; `refs`
    name some of them, who may be people."""
    row = Backtest.objects.filter(pk=backtest_id, state=BacktestState.DONE).first()
    return tuple(row.summary["candidate"]["faults"]) if row else ()


def backtest_csv(backtest_id: int) -> Iterator[str]:
    """A line per row, header first, as far as the chunks are done. It names people. Raises NotFound."""
    row = Backtest.objects.filter(pk=backtest_id).first()
    if row is None:
        raise NotFound("There is no such backtest.")
    sides = ("now", "before") if row.baseline_id else ("now",)
    columns = [f"{side}_{name}" for side in sides for name in SAID]
    yield _line(["ref", "bad", *(f"group:{name}" for name in row.groups), *columns])
    chunks = row.chunks.filter(state=ChunkState.DONE).order_by("number")
    for chunk in chunks.iterator(chunk_size=20):
        for ref, bad, groups, now, before in chunk.results or []:
            said = [cell for told in (now, before)[: len(sides)] for cell in _cells(told)]
            yield _line([ref, "" if bad is None else int(bad), *(groups.get(name, "") for name in row.groups), *said])


def backtest_summary_csv(backtest_id: int) -> Iterator[str]:
    """Every figure of a done backtest as `figure, before, now`, header first; no row of it. Raises NotFound."""
    row = Backtest.objects.filter(pk=backtest_id, state=BacktestState.DONE).first()
    if row is None:
        raise NotFound("There is no such backtest, or it is not done.")
    now, before = dict(_flat(row.summary["candidate"])), dict(_flat(row.summary["baseline"] or {}))
    yield _line(["figure", "before", "now"])
    for name in dict.fromkeys([*now, *before]):
        yield _line([name, before.get(name, ""), now.get(name, "")])
    rest = {name: row.summary[name] for name in ("rows", "with_outcome", "bad", "score_psi", "fairness", "variables")}
    for way, swap in (row.summary["swaps"] or {}).items():
        rest[f"swap_{way}"] = {name: value for name, value in swap.items() if name != "samples"}
    for name, value in _flat(rest):
        yield _line([name, "", value])


SAID = ("outcome", "reasons", "score", "grade", "limit_cents", "annual_rate", "error")
FORMULA = ("=", "+", "-", "@", "\t")  # a spreadsheet would calculate a text that begins so


def _cells(said: Sequence[Any]) -> list[Any]:
    outcome, reasons, score, grade, limit_cents, annual_rate, fault = said
    told = ["" if value is None else value for value in (score, grade, limit_cents, annual_rate)]
    return [outcome, " ".join(reasons), *told, " ".join(part for part in fault if part)]


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of a JSON value by path; a part of a list by its name, else by its place. Examples are left out."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            if name != "refs":
                yield from _flat(part, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from _flat(part, f"{path}[{_name(part, place)}]")
    elif value is not None:
        yield path, value


def _name(part: Any, place: int) -> Any:
    if isinstance(part, Mapping):
        return next((part[name] for name in ("name", "group", "value", "grade", "from") if name in part), place)
    return part[0] if isinstance(part, list) and part and isinstance(part[0], str) else place


def _line(cells: Sequence[Any]) -> str:
    buffer = io.StringIO(newline="")
    guarded = [f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell for cell in cells]
    csv.writer(buffer).writerow(guarded)
    return buffer.getvalue()
