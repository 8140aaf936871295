"""What a batch would do, before it does it."""

from collections.abc import Sequence
from dataclasses import dataclass

from review.models import Case
from review.services import batch


@dataclass(frozen=True, slots=True)
class BatchLine:
    """`why_not` is empty for a case that takes part."""

    case_id: int
    queue: str
    grade: str
    amount_cents: int
    why_not: str


def batch_of(case_ids: Sequence[int], action: str, by_id: int) -> tuple[BatchLine, ...]:
    """Of at most 100 cases, those that take part first."""
    cases = Case.objects.filter(pk__in=list(case_ids)[: batch.MOST]).select_related("queue").order_by("rank", "pk")
    lines = [
        BatchLine(case.pk, case.queue.code, case.grade, case.amount_cents, batch.why_not(case, action, by_id))
        for case in cases
    ]
    return tuple(sorted(lines, key=lambda line: bool(line.why_not)))
