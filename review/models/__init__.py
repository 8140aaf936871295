from .action import Action, CaseAction
from .case import Case, CaseOutcome, CaseStatus
from .checklist import ChecklistItem, ChecklistTick, NeededFor
from .notes import Attachment, AttachmentKind, CaseNote
from .people import Level, Recusal, Relation, Reviewer
from .phone import Callee, CallResult, CheckState, PhoneAnswer, PhoneAttempt, PhoneCheck, PhoneQuestion, PhoneScript
from .queue import AuthorityRule, Finding, FindingAction, Queue, Stage

__all__ = [
    "Action",
    "Attachment",
    "AttachmentKind",
    "AuthorityRule",
    "CallResult",
    "Callee",
    "Case",
    "CaseAction",
    "CaseNote",
    "CaseOutcome",
    "CaseStatus",
    "CheckState",
    "ChecklistItem",
    "ChecklistTick",
    "Finding",
    "FindingAction",
    "Level",
    "NeededFor",
    "PhoneAnswer",
    "PhoneAttempt",
    "PhoneCheck",
    "PhoneQuestion",
    "PhoneScript",
    "Queue",
    "Recusal",
    "Relation",
    "Reviewer",
    "Stage",
]
