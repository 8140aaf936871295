from .action import Action, CaseAction
from .case import Case, CaseOutcome, CaseStatus
from .notes import Attachment, AttachmentKind, CaseNote
from .people import Level, Recusal, Relation, Reviewer
from .queue import AuthorityRule, Finding, FindingAction, Queue, Stage

__all__ = [
    "Action",
    "Attachment",
    "AttachmentKind",
    "AuthorityRule",
    "Case",
    "CaseAction",
    "CaseNote",
    "CaseOutcome",
    "CaseStatus",
    "Finding",
    "FindingAction",
    "Level",
    "Queue",
    "Recusal",
    "Relation",
    "Reviewer",
    "Stage",
]
