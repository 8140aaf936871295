"""Which buttons a case has, and the one service each of them calls."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from review import queries, services
from review.admin import forms

INITIAL, FINAL = ("IN_INITIAL",), ("IN_FINAL",)
WORKED = INITIAL + FINAL


@dataclass(frozen=True)
class Act:
    title: str
    form: type[forms.ReasonForm]
    service: Callable[..., Any]
    states: tuple[str, ...]
    for_others: bool = False


ACTS = {
    "recommend": Act("初审意见 Recommend", forms.VerdictForm, services.recommend, INITIAL),
    "decide": Act("终审决定 Decide", forms.DecisionForm, services.decide, FINAL),
    "supplement": Act("要求补件 Ask for documents", forms.SupplementForm, services.request_supplement, WORKED),
    "return": Act("退回初审 Return to initial", forms.ReturnForm, services.return_to_initial, FINAL),
    "escalate": Act("上报 Escalate", forms.EscalateForm, services.escalate, WORKED),
    "amount": Act("改额 Propose another amount", forms.AmountForm, services.change_amount, FINAL),
    "suspend": Act("挂起 Suspend", forms.SuspendForm, services.suspend, WORKED),
    "release": Act("释放 Give back", forms.ReleaseForm, services.release_lease, WORKED, for_others=True),
    "skip": Act("跳过 Skip", forms.SkipForm, services.skip, WORKED),
    "recuse": Act("回避 I know this borrower", forms.RecuseForm, services.recuse, WORKED),
}


def buttons(case: queries.CaseView, user_id: int) -> list[tuple[str, Act]]:
    """What this account may try now. The services decide; this only hides what would be refused."""
    return [
        (name, act)
        for name, act in ACTS.items()
        if case.status in act.states and (act.for_others or case.claimed_by_id == user_id)
    ]
