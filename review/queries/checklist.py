"""The checklist of a case's present queue."""

from dataclasses import dataclass
from datetime import datetime

from review.models import Case, ChecklistItem, ChecklistTick
from review.models.case import WORKED
from users import queries as users


@dataclass(frozen=True, slots=True)
class ChecklistLine:
    """`needed_for`: any, approve or empty. `by` and `ticked_at` where it is ticked."""

    key: str
    text_en: str
    text_zh: str
    needed_for: str
    needed_name: str
    by: str
    ticked_at: datetime | None


@dataclass(frozen=True, slots=True)
class ChecklistView:
    """`held_by`: who may tick now, None where nobody holds the case. `open`: needed lines that are not ticked."""

    case_id: int
    held_by: int | None
    lines: tuple[ChecklistLine, ...]

    @property
    def open(self) -> int:
        return sum(bool(line.needed_for) and line.ticked_at is None for line in self.lines)


def checklist(case_id: int) -> ChecklistView:
    """Empty for a case that does not exist."""
    case = Case.objects.filter(pk=case_id).first()
    if case is None:
        return ChecklistView(case_id, None, ())
    ticks = {row.item_id: row for row in ChecklistTick.objects.filter(case=case, taken_back_at=None)}
    names = users.actor_names(f"staff:{row.by_id}" for row in ticks.values())
    lines = []
    for item in ChecklistItem.objects.filter(queue_id=case.queue_id, active=True):
        tick = ticks.get(item.pk)
        lines.append(
            ChecklistLine(
                key=item.key,
                text_en=item.text_en,
                text_zh=item.text_zh,
                needed_for=item.needed_for,
                needed_name=item.get_needed_for_display(),
                by=names[f"staff:{tick.by_id}"] if tick else "",
                ticked_at=tick.ticked_at if tick else None,
            )
        )
    return ChecklistView(case_id, case.claimed_by_id if case.status in WORKED else None, tuple(lines))
