"""Why a reviewer got this case and no other: the facts kept when it was claimed or dealt out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lending.common import clock
from review.models import Action, CaseAction
from review.rules import priority

TAKEN = (Action.CLAIM, Action.DISPATCH)


@dataclass(frozen=True, slots=True)
class WhyView:
    """`parts` of the priority at that moment, (what, points); they sum to `priority`. `load`: cases the reviewer held,
    where it was dealt out. `named`: the reviewer asked for this queue. `kept`: it was kept for who knew it."""

    taken_at: datetime
    dealt_out: bool
    queue: str
    named: bool
    kept: bool
    due_at: datetime
    to_due_minutes: int
    priority: int
    parts: tuple[tuple[str, int], ...]
    skill: str
    language: str
    level: int
    level_needed: int
    load: int | None

    def lines(self) -> tuple[tuple[str, str], ...]:
        """For a page: (label, value) each."""
        late = self.to_due_minutes < 0
        due = f"{clock.local(self.due_at):%m-%d %H:%M}, " + (
            f"超时 late by {-self.to_due_minutes} min" if late else f"还有 in {self.to_due_minutes} min"
        )
        how = "系统派单 dealt out" if self.dealt_out else "领取 claimed"
        if self.load is not None:
            how += f", 当时持有 holding {self.load}"
        lines = [("方式 How", how)]
        if self.kept:
            lines.append(("为你保留 Kept for you", "你处理过此案 you worked on it before"))
        if self.named:
            lines.append(("队列 Queue", f"{self.queue}, 由你选定 which you chose"))
        points = " ".join(f"{label} {value:+d}" for label, value in self.parts if value)
        return (
            *lines,
            ("截止 Due", due),
            ("优先级 Priority", f"{self.priority} = {points}"),
            ("技能 Skill", self.skill),
            ("级别 Level", f"R{self.level}, 需要 needed R{self.level_needed}"),
            ("语言 Language", self.language or "-"),
        )


def why_this_one(case_id: int) -> WhyView | None:
    """Of the latest claim; None for a case that nobody has had."""
    return why_of(CaseAction.objects.filter(case_id=case_id, action__in=TAKEN).order_by("-pk")[:1])


def why_of(actions: Iterable[Any]) -> WhyView | None:
    """Of what was done to one case, oldest first."""
    taken = next((row for row in reversed(list(actions)) if row.action in TAKEN), None)
    why = taken.changes.get("why") if taken else None
    if taken is None or why is None:
        return None
    due_at, opened_at = datetime.fromisoformat(why["due_at"]), datetime.fromisoformat(why["opened_at"])
    parts = priority.parts(
        at=taken.occurred_at,
        due_at=due_at,
        opened_at=opened_at,
        bonus=why["bonus"],
        ageing_minutes=why.get("ageing_minutes", priority.AGEING_MINUTES),
    )
    return WhyView(
        taken_at=taken.occurred_at,
        dealt_out=taken.action == Action.DISPATCH,
        queue=why["queue"],
        named=why.get("named", False),
        kept=why["kept"],
        due_at=due_at,
        to_due_minutes=int((due_at - taken.occurred_at).total_seconds() // 60),
        priority=sum(points for _, points in parts),
        parts=parts,
        skill=why["skill"],
        language=why["language"],
        level=why["level"],
        level_needed=why["level_needed"],
        load=why.get("load"),
    )
