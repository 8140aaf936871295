"""What other parts of the desk put on the page of a case: the checklist of its queue, and the phone log."""

from datetime import datetime
from typing import Any

from review import queries

PHONE_STATES = {
    "open": ("teal", "进行中 under way"),
    "broken_off": ("amber", "中断 broken off"),
    "verified": ("green", "已核实 verified"),
    "not_verified": ("amber", "未核实 not verified"),
    "mismatches": ("red", "有不一致 mismatches"),
}


def slots(case: queries.CaseView, *, user_id: int, at: datetime) -> dict[str, Any]:
    """`checklist` and `phone`, shown by `review/parts/checklist.html` and `phone.html` where they are given."""
    return {"checklist": queries.checklist(case.id), "phone": queries.phone_log(case.id), "phone_states": PHONE_STATES}
