from .action import Action, CaseAction
from .case import Case, CaseOutcome, CaseStatus
from .people import Level, Recusal, Relation, Reviewer
from .queue import AuthorityRule, Finding, FindingAction, Queue, Stage

__all__ = [
    "Action",
    "AuthorityRule",
    "Case",
    "CaseAction",
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
