"""Versions of the authority matrix: their cells, what one changes, and which open cases it would move."""

from dataclasses import dataclass
from datetime import datetime

from review.models import AuthorityVersion, Case, CaseStatus
from review.models.authority import VersionState
from review.rules import authority
from review.services import placing

LOOKED_AT = 5_000  # open cases
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Moved:
    """An open case whose present stage another level would be handed to."""

    case_id: int
    queue: str
    amount_cents: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class VersionView:
    """`bands`: (amount up to in cents, the cell of each of `columns` in words). `differences` to the version in force
    (of one that was decided: to the one before): (column, amount up to in cents, before, after). `moved`: the first 50
    of the `moves` open cases, most urgent first."""

    id: int
    number: int
    state: str
    reason: str
    drafted_by: str
    drafted_at: datetime
    decided_by: str
    decided_at: datetime | None
    decision_note: str
    columns: tuple[str, ...]
    bands: tuple[tuple[int, tuple[str, ...]], ...]
    differences: tuple[tuple[str, int, str, str], ...]
    moved: tuple[Moved, ...]
    moves: int


def authority_version(version_id: int | None = None) -> VersionView | None:
    """Without an id the one in force. None where there is none."""
    versions = AuthorityVersion.objects.all()
    row = (
        versions.filter(state=VersionState.APPROVED).first()
        if version_id is None
        else versions.filter(pk=version_id).first()
    )
    if row is None:
        return None
    rules = _rules(row.number)
    before = versions.filter(state=VersionState.APPROVED, number__lt=row.number).first()
    moved = _moved(rules) if row.state == VersionState.DRAFT else []
    columns = (*dict.fromkeys(authority.COLUMNS.values()), authority.EXCEPTION)
    cells = {(rule.amount_to_cents, rule.column): rule for rule in rules}
    bands = tuple(
        (band, tuple(_words(cells.get((band, column))) for column in columns))
        for band in sorted({rule.amount_to_cents for rule in rules})
    )
    return VersionView(
        id=row.pk,
        number=row.number,
        state=row.state,
        reason=row.reason,
        drafted_by=row.drafted_by,
        drafted_at=row.drafted_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        decision_note=row.decision_note,
        columns=columns,
        bands=bands,
        differences=authority.differences(_rules(before.number) if before else (), rules),
        moved=tuple(moved[:SHOWN]),
        moves=len(moved),
    )


def _rules(number: int) -> tuple[authority.Rule, ...]:
    return placing.authority_rules(number)[1]


def _words(rule: authority.Rule | None) -> str:
    return authority.words(rule.initial_level, rule.final_level) if rule else "-"


def _moved(rules: tuple[authority.Rule, ...]) -> list[Moved]:
    in_force = placing.authority_rules()[1]
    open_cases = Case.objects.exclude(status=CaseStatus.CLOSED).select_related("queue").order_by("rank", "pk")
    found = []
    for case in open_cases[:LOOKED_AT]:
        before, after = (
            placing.level_for(
                matrix, stage=case.stage, amount_cents=case.amount_cents, grade=case.grade, exception=case.is_exception
            )
            for matrix in (in_force, rules)
        )
        if before != after:
            found.append(Moved(case.pk, case.queue.code, case.amount_cents, before, after))
    return found
