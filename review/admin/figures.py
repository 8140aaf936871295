"""The figures of the desk as tables: what a page shows behind its charts, and what is downloaded."""

from collections.abc import Sequence
from datetime import datetime

from lending.common import charts
from lending.common.shown import stamp
from lending.common.tables import Table, share
from review.queries import figures, quality
from review.rules.agreement import Agreement

STAGES = ("待初审 waiting initial", "初审中 in initial", "待终审 waiting final", "终审中 in final", "暂停 paused")
TONES = ("first", "second", "third", "fourth")


def tables(found: figures.Figures) -> list[Table]:
    """Of a reviewer alone, without what waits for everybody."""
    return [
        _days(found),
        *([_waiting(found)] if found.reviewer_id is None else []),
        _rates("queues", "按队列 By queue", "队列 Queue", found.queues),
        _rates("reviewers", "按审核人 By reviewer who closed", "审核人 Reviewer", found.reviewers),
        _recommenders(found),
        _rates("products", "按产品 By product", "产品 Product", found.products),
        _stages(found),
    ]


def _hours(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


RATES = ("结案 Closed", "通过 Approved", "拒绝 Declined", "通过率 Approval", "改判率 Overturned", "超时 Late",
         "小时 Hours, mean")  # fmt: skip


def _cells(row: figures.Row) -> tuple[str, ...]:
    rates = (share(row.approval_rate), share(row.overturn_rate), share(row.late_rate), _hours(row.hours))
    return (row.name, str(row.cases), str(row.approved), str(row.declined), *rates)


def _days(found: figures.Figures) -> Table:
    ended = [row.cases - row.approved - row.declined for row in found.days]
    chart = charts.columns(
        "每日结案 Cases closed a day",
        [row.name for row in found.days],
        [
            ("approved", "first", [row.approved for row in found.days]),
            ("declined", "third", [row.declined for row in found.days]),
            ("ended without a verdict", "fourth", ended),
        ],
        _whole,
    )
    return Table("days", "每日 Throughput", ("日期 Day", *RATES), [_cells(row) for row in found.days], chart)


def _rates(code: str, title: str, name: str, rows: Sequence[figures.Row]) -> Table:
    shown = rows[:12]
    chart = charts.columns(
        "通过率与改判率 Approval rate" if code != "reviewers" else "通过率 Approval rate",
        [row.name for row in shown],
        [("", "first", [row.approval_rate for row in shown])],
        share,
    )
    return Table(code, title, (name, *RATES), [_cells(row) for row in rows], chart)


def _recommenders(found: figures.Figures) -> Table:
    rows = found.recommenders
    chart = charts.columns(
        "改判率 Overturn rate: the final verdict was another",
        [row.name for row in rows[:12]],
        [("", "third", [row.overturn_rate for row in rows[:12]])],
        share,
    )
    head = (
        "初审 Initial reviewer",
        "意见 Recommended",
        "通过 Approve",
        "拒绝 Decline",
        "改判 Overturned",
        "改判率 Rate",
    )
    cells = [
        (row.name, *map(str, (row.recommended, row.approved, row.declined, row.overturned)), share(row.overturn_rate))
        for row in rows
    ]
    return Table("recommenders", "初审意见 Recommendations", head, cells, chart)


def _stages(found: figures.Figures) -> Table:
    series = [
        (name, tone, [row.hours[stage] for row in found.stages])
        for name, tone, stage in zip(STAGES, TONES, figures.STAGES, strict=False)
    ]
    chart = charts.columns(
        "各环节平均小时 Mean hours by where a case stood", [row.name for row in found.stages], series, _hours
    )
    rows = [(row.name, str(row.cases), *(_hours(row.hours[s]) for s in figures.STAGES)) for row in found.stages]
    told = "By the queue a case was closed in. The time paused is in the table alone: the borrower owed something then."
    return Table("stages", "环节时长 Time in stage, hours", ("队列 Queue", "结案 Closed", *STAGES), rows, chart, told)


AGES = ("≤ 1 h", "1-4 h", "4-24 h", "> 24 h")


def _waiting(found: figures.Figures) -> Table:
    rows = found.waiting
    series = [(AGES[n], TONES[n], [row.ages[n] for row in rows]) for n in range(4)]
    chart = charts.columns("在办案件龄期 Open cases by age, now", [row.queue for row in rows], series, _whole)
    head = ("队列 Queue", "等待 Waiting", "在办 In work", "超时 Past due", *AGES, "最早 Oldest")
    cells = [
        (row.queue, str(row.waiting), str(row.in_work), str(row.late), *map(str, row.ages), _stamp(row.oldest_at))
        for row in rows
    ]
    return Table("waiting", "等待 Waiting and age, now", head, cells, chart)


def _stamp(at: datetime | None) -> str:
    return stamp(at) if at else "-"


# --- second looks -------------------------------------------------------------------------------------------------


def quality_tables(found: quality.QualityFigures) -> list[Table]:
    named = (
        ("pairs", "审核人 × 质检 Reviewer × checker"),
        ("reviewers", "审核人 By reviewer"),
        ("queues", "队列 By queue"),
    )
    agreements = [_agreements(code, title, getattr(found, code), found) for code, title in named]
    codes = tuple(code for code, _, _ in found.classes)
    errors = [(row.reviewer, str(row.looks), *map(str, row.counts)) for row in found.errors]
    told = "; ".join(f"{code} {zh} {en}" for code, zh, en in found.classes)
    return [
        *agreements,
        Table("errors", "差错 Errors by reviewer", ("审核人 Reviewer", "复核 Looks", *codes), errors, told=told),
    ]


def _agreements(code: str, title: str, rows: Sequence[quality.AgreementRow], found: quality.QualityFigures) -> Table:
    head = (title, "复核 Looks", "一致 Agreed", "一致率 Share", "Kappa")
    cells = [
        (row.name, str(row.found.count), str(row.found.agreed), share(row.found.share), kappa(row.found))
        for row in rows
    ]
    told = f"Kappa is told from {found.least} looks on; {found.target:.2f} is aimed at."
    return Table(code, title, head, cells, told=told)


def kappa(found: Agreement) -> str:
    if found.too_few:
        return "太少 too few"
    return "不可算 one answer only" if found.kappa is None else f"{found.kappa:.2f}"
