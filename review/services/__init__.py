"""Every write of the human verdict. All assume an open transaction; `by_id` is the staff user who acts."""

from . import checklist, phone
from .batch import run_batch
from .cases import close_case, open_or_resume_case
from .claims import claim_next, expire_leases, extend_lease, release_lease, skip
from .detours import change_amount, escalate, recuse, request_supplement, resume, resume_due, return_to_initial, suspend
from .dispatch import assign_next, run_dispatch
from .duty import go_off, go_on
from .erasure import erase
from .notes import add as add_note
from .notes import attach
from .overdue import run_sweep
from .printing import print_case
from .verdicts import decide, recommend

__all__ = [
    "add_note",
    "assign_next",
    "attach",
    "change_amount",
    "checklist",
    "claim_next",
    "close_case",
    "decide",
    "erase",
    "escalate",
    "expire_leases",
    "extend_lease",
    "go_off",
    "go_on",
    "open_or_resume_case",
    "phone",
    "print_case",
    "recommend",
    "recuse",
    "release_lease",
    "request_supplement",
    "resume",
    "resume_due",
    "return_to_initial",
    "run_batch",
    "run_dispatch",
    "run_sweep",
    "skip",
    "suspend",
]
