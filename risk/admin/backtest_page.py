"""What the page of a backtest shows: figures before and now, charts, tables, and its progress while it runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lending.common.money import format_cents
from risk.admin import charts
from risk.models import Backtest, BacktestState, ChunkState, Decision
from users import queries as users

Show = Callable[[Any], str]
UNKNOWN_ROWS = 40


@dataclass(frozen=True)
class Figure:
    """One line of the table of figures; `change` in points for rates."""

    name: str
    before: str
    now: str
    change: str


def share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def yuan(cents: float | None) -> str:
    return "-" if cents is None else format_cents(round(cents))


def decimal(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def count(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def points(value: float) -> str:
    return f"{value * 100:+.1f} points"


# (name, path in a side of the summary, how it is written, how a change is written)
FIGURES: tuple[tuple[str, str, Show, Show], ...] = (
    ("Approved", "rates.approve", share, points),
    ("Referred to a person", "rates.refer", share, points),
    ("Declined", "rates.decline", share, points),
    ("Errors: not decided", "rates.error", share, points),
    ("Bad rate of the approved", "approved_bad.rate", share, points),
    ("KS of the score", "quality.ks", decimal, lambda value: f"{value:+.3f}"),
    ("AUC", "quality.auc", decimal, lambda value: f"{value:+.3f}"),
    ("Gini", "quality.gini", decimal, lambda value: f"{value:+.3f}"),
    ("Limit, mean of the approved", "limit.mean", yuan, lambda value: f"{value / 100:+,.2f}"),
    ("Limits, sum", "limit.sum", yuan, lambda value: f"{value / 100:+,.2f}"),
    ("Price a year, mean", "rate.mean", lambda value: "-" if value is None else f"{value:.2%}", points),
)


def composed(row: Backtest, other: Backtest | None) -> dict[str, Any]:
    """The values of `risk/backtest.html`."""
    shown: dict[str, Any] = {
        "backtest": row,
        "owner": users.actor_name(row.by),
        "canceller": users.actor_name(row.cancelled_by) if row.cancelled_by else "",
        "is_open": row.state in (BacktestState.PENDING, BacktestState.RUNNING),
        "progress": progress(row),
    }
    if row.state == BacktestState.DONE:
        shown |= result(row.summary, links(row))
        shown["others"] = others(row)
    if other is not None and row.state == BacktestState.DONE:
        shown |= {"other": other, "compared": compared(row, other)}
    return shown


def progress(row: Backtest) -> dict[str, Any]:
    """JSON: {state, done, chunks, over, text}."""
    done = row.chunks.filter(state=ChunkState.DONE).count()
    over = row.state not in (BacktestState.PENDING, BacktestState.RUNNING)
    text = f"{done} of {row.chunk_count} chunks of {row.row_count:,} rows"
    if row.state == BacktestState.PENDING:
        text = "Waits for a worker"
    elif done == row.chunk_count and not over:
        text = "All chunks are done; summing up"
    elif not over and (again := row.chunks.filter(state=ChunkState.PENDING, attempts__gt=1).count()):
        text = f"{text}; {again} tried again after a failure or a dead worker"
    return {"state": row.state, "done": done, "chunks": row.chunk_count, "over": over, "text": text}


def result(told: Mapping[str, Any], decisions: Mapping[str, int]) -> dict[str, Any]:
    now, before = told["candidate"], told["baseline"]
    return {
        "told": told,
        "figures": figures(now, before),
        "score_psi": decimal(told["score_psi"]),
        "swaps": [
            swap("Approved before, not any more", told["swaps"]["out"], decisions),
            swap("Approved now, not before", told["swaps"]["in"], decisions),
        ]
        if told["swaps"]
        else [],
        "reasons": reasons(now, before),
        "scores": score_charts(now, before),
        "bands": beside(now["bands"], before and before["bands"], lambda bin_: span(bin_, count)),
        "amounts": [
            each
            for each in (
                distribution("Limits", now["limit"], before and before["limit"], yuan),
                distribution("Prices a year", now["rate"], before and before["rate"], lambda value: f"{value:.2%}"),
            )
            if each
        ],
        "grades": [{**grade, "share": share(grade["rate"])} for grade in now["grades"]],
        "fairness": [fair(group) for group in told["fairness"]],
        "variables": [
            {**variable, "share": share(variable["rate"])}
            for variable in told["variables"][:UNKNOWN_ROWS]
            if variable["unknown"] or variable["defaulted"]
        ],
        "absent": [variable["name"] for variable in told["variables"] if variable["absent"] == told["rows"]],
        "sometimes_absent": [v["name"] for v in told["variables"] if 0 < v["absent"] < told["rows"]],
        "faults": now["faults"],
        "faults_before": before["faults"] if before else [],
    }


def figures(now: Mapping[str, Any], before: Mapping[str, Any] | None) -> list[Figure]:
    found = []
    for name, path, show, change in FIGURES:
        was, is_ = at(before, path), at(now, path)
        if was is None and is_ is None:
            continue
        moved = "-" if was is None or is_ is None else change(is_ - was) if is_ != was else "same"
        found.append(Figure(name, show(was), show(is_), moved))
    return found


def at(side: Mapping[str, Any] | None, path: str) -> Any:
    found: Any = side
    for name in path.split("."):
        found = (found or {}).get(name)
    return found


def swap(title: str, told: Mapping[str, Any], decisions: Mapping[str, int]) -> dict[str, Any]:
    return {
        **told,
        "title": title,
        "share": share(told["rate"]),
        "samples": [{**sample, "decision": decisions.get(sample["ref"])} for sample in told["samples"]],
    }


def reasons(now: Mapping[str, Any], before: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    was = {code: (rows, of) for code, rows, of in before["reasons"]} if before else {}
    is_ = {code: (rows, of) for code, rows, of in now["reasons"]}
    codes = sorted({*was, *is_}, key=lambda code: (-is_.get(code, (0, 0))[0], code))
    highest = max([of for _, of in [*was.values(), *is_.values()]], default=0) or 1
    return [
        {
            "code": code,
            "rows": is_.get(code, (0, 0.0))[0],
            "rows_before": was.get(code, (0, 0.0))[0],
            "share": share(is_.get(code, (0, 0.0))[1]),
            "width": round(100 * is_.get(code, (0, 0.0))[1] / highest, 2),
            "width_before": round(100 * was.get(code, (0, 0.0))[1] / highest, 2),
        }
        for code in codes
    ]


def score_charts(now: Mapping[str, Any], before: Mapping[str, Any] | None) -> list[charts.Columns]:
    bands, former = now["bands"], before["bands"] if before else None
    labels = [span(band, count) for band in bands]
    found = [
        charts.columns("Rows by score", labels, rows_in(bands), rows_in(former) if former else None, count),
        charts.columns("Bad rate by score", labels, [band["rate"] or 0.0 for band in bands], None, share),
    ]
    return [chart for chart in found if chart is not None]


def distribution(
    title: str, now: Mapping[str, Any] | None, before: Mapping[str, Any] | None, show: Show
) -> dict[str, Any] | None:
    if now is None:
        return None
    bins, former = now["bins"], before["bins"] if before else None
    labels = [span(bin_, show) for bin_ in bins]
    return {
        "title": title,
        "chart": charts.columns(title, labels, rows_in(bins), rows_in(former) if former else None, count),
        "bins": beside(bins, former, lambda bin_: span(bin_, show)),
        "quartiles": " · ".join(show(value) for value in now["quartiles"]),
    }


def beside(
    now: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]] | None, label: Show
) -> list[dict[str, Any]]:
    """The bins, which are the same ones on both sides."""
    former: Sequence[Mapping[str, Any] | None] = before if before and len(before) == len(now) else [None] * len(now)
    return [
        {**bin_, "label": label(bin_), "rows_before": was["rows"] if was else None, "share": share(bin_.get("rate"))}
        for bin_, was in zip(now, former, strict=True)
    ]


def rows_in(bins: Sequence[Mapping[str, Any]]) -> list[float]:
    return [bin_["rows"] for bin_ in bins]


def span(bin_: Mapping[str, Any], show: Show) -> str:
    return show(bin_["from"]) if bin_["from"] == bin_["to"] else f"{show(bin_['from'])} – {show(bin_['to'])}"


def fair(group: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "group": group["group"].replace("_", " "),
        "told": group["told"],
        "values": [
            {
                **value,
                "share": share(value["ratio"]),
                "share_before": share(value["ratio_before"]),
                "to_best_text": "-" if value["to_best"] is None else f"{value['to_best']:.2f}",
                "is_below": value["verdict"] == "below the line",
            }
            for value in group["values"]
        ],
    }


def links(row: Backtest) -> dict[str, int]:
    """The number of each decision among the samples, by its public id."""
    if row.dataset_id is not None or not row.summary["swaps"]:
        return {}
    refs = [sample["ref"] for swap_ in row.summary["swaps"].values() for sample in swap_["samples"]]
    return {str(ref): pk for ref, pk in Decision.objects.filter(public_id__in=refs).values_list("public_id", "pk")}


def others(row: Backtest) -> list[Backtest]:
    """What it can be compared with: the latest done ones of its scenario."""
    found = Backtest.objects.filter(scenario=row.scenario, state=BacktestState.DONE).exclude(pk=row.pk)
    return list(found.select_related("scenario", "dataset").defer("candidate", "summary")[:50])


def compared(row: Backtest, other: Backtest) -> dict[str, Any]:
    same = (row.dataset_id, row.since, row.until) == (other.dataset_id, other.since, other.until)
    return {
        "figures": figures(row.summary["candidate"], other.summary["candidate"]),
        "reasons": reasons(row.summary["candidate"], other.summary["candidate"]),
        "same_rows": same and row.row_count == other.row_count,
    }
