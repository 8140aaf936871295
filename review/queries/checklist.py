"""The checklist of a case's present queue."""

from dataclasses import dataclass
from datetime import datetime

from review.models import ChecklistItem, ChecklistTick
from review.models.case import WORKED
from review.queries import cases


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
    case = cases.case(case_id)
    return checklist_of(case) if case else ChecklistView(case_id, None, ())


def checklist_of(case: cases.CaseView) -> ChecklistView:
    rows = ChecklistTick.objects.filter(case=case.id, taken_back_at=None).select_related("by")
    ticks = {row.item_id: row for row in rows}
    lines = []
    for item in ChecklistItem.objects.filter(queue__code=case.queue, active=True):
        tick = ticks.get(item.pk)
        lines.append(
            ChecklistLine(
                key=item.key,
                text_en=item.text_en,
                text_zh=item.text_zh,
                needed_for=item.needed_for,
                needed_name=item.get_needed_for_display(),
                by=tick.by.get_full_name() if tick else "",
                ticked_at=tick.ticked_at if tick else None,
            )
        )
    return ChecklistView(case.id, case.claimed_by_id if case.status in WORKED else None, tuple(lines))
