"""A next version of the authority matrix."""

from datetime import datetime

from review.models import AuthorityVersion
from review.rules.authority import Rule
from review.services import authority, batch_rules
from review.services.placing import authority_rules


def matrix(**changes: tuple[int | None, int | None]) -> list[Rule]:
    """The cells in force, some changed: `C_20000=(2, 3)` is the cell of column C up to 20,000 yuan."""
    cells = {(rule.column, rule.amount_to_cents): rule for rule in authority_rules()[1]}
    for name, levels in changes.items():
        column, _, amount = name.rpartition("_")
        key = (column, int(amount) * 100)
        cells[key] = Rule(key[1], column, *levels)
    return list(cells.values())


def draft_matrix(*, by: str, at: datetime, **changes: tuple[int | None, int | None]) -> int:
    """A draft; without `changes` the cell C up to 20,000 needs R2 + R3. Its number."""
    cells = matrix(**(changes or {"C_20000": (2, 3)}))
    return authority.draft(cells=cells, reason="as a test", by=by, at=at)


def put_in_force(at: datetime, **changes: tuple[int | None, int | None]) -> None:
    number = draft_matrix(by="system", at=at, **changes)
    version = AuthorityVersion.objects.get(number=number)
    authority.approve(version.pk, reason="as a test", by="committee", at=at)


def draft_batch(stage: str, action: str, *, by: str, at: datetime, checklist: str = "waived") -> int:
    """A change of a row of the batch rules: grades C and D up to 20,000 yuan. Its id."""
    return batch_rules.draft(
        stage=stage,
        action=action,
        grades=["C", "D"],
        amount_to_cents=2_000_000,
        checklist=checklist,
        reason="as a test",
        by=by,
        at=at,
    )
