"""What a second person reads before a strategy is released: what changes, what was found, what was tried.

Pure: the caller brings the flows, the drafts among them, what is in force, and the register of reasons.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from risk.rules import cases, gate, speech, tables
from risk.rules import reasons as codes
from risk.rules.cases import CaseResult, Coverage
from risk.rules.differences import differences
from risk.rules.document import Flow
from risk.rules.gate import Problem
from risk.rules.paths import has_no_outcome
from risk.rules.reasons import ReasonText
from risk.rules.speech import Speechless
from risk.rules.tables import Finding

SHOWN_FAULTS = 3  # kinds of errors of a backtest

__all__ = ["Part", "Report", "as_json", "differences", "report", "unbuildable"]


@dataclass(frozen=True)
class Part:
    """One draft of a submission. `former`: what its writers wrote the version in force, or the newest one, as."""

    key: str
    title: str
    form: str
    authored: Mapping[str, Any]
    former: Mapping[str, Any] | None
    former_version: int | None
    tests: tuple[Mapping[str, Any], ...]
    required_coverage: int
    flow: Flow


@dataclass(frozen=True)
class PartReport:
    """`changes` in words; `cases`, `coverage`: the draft's own tests, over it alone."""

    key: str
    title: str
    form: str
    former_version: int | None
    changes: list[str]
    cases: list[CaseResult]
    coverage: Coverage
    required_coverage: int


@dataclass(frozen=True)
class DeclineReason:
    """What a borrower declined for it is told, and may do."""

    code: str
    reason_class: str
    borrower_en: str
    borrower_zh: str
    reapply_days: int | None
    distribute: bool


@dataclass(frozen=True)
class Report:
    """`repinned`: released parts taken along in a newer version than the one in force: (key, from, to, changes).

    `speechless`: places that may decline or refer without a reason. `hard_blockers` stop everything; `soft_blockers`
    (tests, coverage, backtest) yield to an emergency.
    """

    problems: list[Problem] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    speechless: list[Speechless] = field(default_factory=list)
    parts: list[PartReport] = field(default_factory=list)
    repinned: list[tuple[str, int, int, list[str]]] = field(default_factory=list)
    reasons: list[DeclineReason] = field(default_factory=list)
    hard_blockers: list[str] = field(default_factory=list)
    soft_blockers: list[str] = field(default_factory=list)
    backtest: dict[str, Any] | None = None

    @property
    def blockers(self) -> list[str]:
        return [*self.hard_blockers, *self.soft_blockers]


def as_json(found: Report) -> dict[str, Any]:
    """The report as it is kept with a submission, without the engine's traces."""
    kept = asdict(found)
    for part in kept["parts"]:
        part["coverage"]["percent"] = 100 * part["coverage"]["hit"] // (part["coverage"]["total"] or 1)
        for case in part["cases"]:
            del case["trace"], case["answer"]
    return kept


def unbuildable(problems: Sequence[Problem]) -> Report:
    """Of drafts that cannot even be compiled."""
    return Report(problems=list(problems), hard_blockers=[_problem(each) for each in problems])


def report(
    *,
    flows: Sequence[Flow],
    parts: Sequence[Part],
    pinned: Sequence[tuple[str, int, int, list[str]]],
    reasons: Mapping[str, ReasonText],
    role: str,
    backtest: Mapping[str, Any] | None = None,
) -> Report:
    """`flows`: the root first, with all that it asks. `role`: "" where it is released without being put in force.

    `backtest`: what the latest one of exactly these flows found; nothing comes into force without.
    """
    mine = {part.flow.file for part in parts}
    problems = [problem for problem in gate.check(flows) if problem.file in mine]
    if problems:
        return unbuildable(problems)
    # A card's last rows take what has no bin on purpose: it gets no points, and so no score.
    found = [finding for part in parts if part.form != "scorecard" for finding in tables.findings(part.flow)]
    tested = [_tested(part, flows) for part in parts]
    told, silent = _reasons(flows, reasons)
    undecided = _undecided(flows) if role else None
    unsaid = speech.speechless(flows, reasons) if role and not undecided else []
    hard = [
        *(finding.message for finding in found if finding.kind == "unreachable"),
        *silent,
        *([undecided] if undecided else []),
        *(speech.sentence(each) for each in unsaid if each.kind != "unregistered" or not silent),
        *(text for each in tested if role and each.key == flows[0].key for text in _unexplained(each, reasons)),
    ]
    soft = [text for each in tested for text in _untested(each)]
    if not parts:
        hard.append("Nothing differs from what is released.")
    if role and backtest is None:
        soft.append("No finished backtest of exactly this content: run one.")
    if role and backtest and backtest.get("errors"):
        soft.append(_undecided_rows(backtest))
    return Report(
        findings=found,
        speechless=unsaid,
        parts=tested,
        repinned=list(pinned),
        reasons=told,
        hard_blockers=hard,
        soft_blockers=soft,
        backtest=dict(backtest) if backtest else None,
    )


def _tested(part: Part, flows: Sequence[Flow]) -> PartReport:
    own = [part.flow, *(flow for flow in flows if flow.key != part.key)]
    results = cases.run(own, part.tests)
    coverage = cases.coverage(own, [result.trace for result in results if result.trace is not None])
    return PartReport(
        key=part.key,
        title=part.title,
        form=part.form,
        former_version=part.former_version,
        changes=differences(part.form, part.former, part.authored),
        cases=results,
        coverage=coverage,
        required_coverage=part.required_coverage,
    )


def _untested(part: PartReport) -> list[str]:
    failed = [case.name for case in part.cases if not case.passed]
    told = [f"{part.key}: test case {name!r} fails." for name in failed]
    if part.coverage.percent < part.required_coverage:
        told.append(
            f"{part.key}: tests reach {part.coverage.percent} % of its rules; {part.required_coverage} % are required."
        )
    return told


def _reasons(flows: Sequence[Flow], register: Mapping[str, ReasonText]) -> tuple[list[DeclineReason], list[str]]:
    named = list(dict.fromkeys(code for flow in flows for code in codes.codes_of(flow)))
    told = [
        DeclineReason(row.code, row.reason_class, row.borrower_en, row.borrower_zh, row.reapply_days, row.distribute)
        for code in named
        if (row := register.get(code))
    ]
    return told, [f"Reason {message}." for _, message in codes.faults(named, register)]


def _undecided(flows: Sequence[Flow]) -> str | None:
    if has_no_outcome(flows):
        return f"{flows[0].key} has no outcome, so it decides nothing by itself: release it only, for flows to ask."
    return None


def _unexplained(part: PartReport, register: Mapping[str, ReasonText]) -> list[str]:
    """Of test cases that are declined or referred without a reason that could be told."""
    told: list[str] = []
    for case in part.cases:
        answer = case.answer or {}
        if answer.get("outcome") not in speech.SPOKEN:
            continue
        said = answer.get("reasons")
        does = speech.DOES[answer["outcome"]]
        if not isinstance(said, list) or not said:
            told.append(f"{part.key}: test case {case.name!r} {does} without a reason.")
        else:
            faults = codes.faults([str(code) for code in said], register)
            told += [f"{part.key}: test case {case.name!r} {does} with a reason that {text}." for _, text in faults]
    return told


def _undecided_rows(backtest: Mapping[str, Any]) -> str:
    """How many, and of what; the page shows which, for a row's name may be a person's."""
    told = [
        f"{fault['rows']} {' '.join(part for part in (fault['code'], fault['node'], fault['field']) if part)}"
        for fault in backtest.get("faults", ())
    ]
    of = f" ({', '.join(told[:SHOWN_FAULTS])})" if told else ""
    return f"The backtest could not decide {backtest['errors']} of {backtest['rows']} rows{of}: mend it, or the rows."


def _problem(problem: Problem) -> str:
    where = " ".join(part for part in (problem.file.removesuffix(".json"), problem.node, problem.field) if part)
    return f"{where}: {problem.message}."
