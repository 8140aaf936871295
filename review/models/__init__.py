from .action import Action, CaseAction
from .authority import AuthorityVersion
from .batch import BatchAction, BatchChange, BatchRule, ChecklistNeed
from .case import Attention, Case, CaseOutcome, CaseStatus, Skip
from .checklist import ChecklistItem, ChecklistTick, NeededFor
from .feedback import Override, OverrideBrief
from .figures import Part, ReviewDay
from .notes import Attachment, AttachmentKind, CaseNote
from .people import Level, Recusal, Relation, Reviewer, SavedFilter
from .phone import Callee, CallResult, CheckState, PhoneAnswer, PhoneAttempt, PhoneCheck, PhoneQuestion, PhoneScript
from .quality import DriftAlarm, ErrorClass, QualitySetting, SamplingMark, SamplingRule, SecondLook, Severity
from .queue import AuthorityRule, Finding, FindingAction, Mode, Queue, QueueMember, RoutingRule, Stage

__all__ = [
    "Action",
    "Attachment",
    "AttachmentKind",
    "Attention",
    "AuthorityRule",
    "AuthorityVersion",
    "BatchAction",
    "BatchChange",
    "BatchRule",
    "CallResult",
    "Callee",
    "Case",
    "CaseAction",
    "CaseNote",
    "CaseOutcome",
    "CaseStatus",
    "CheckState",
    "ChecklistItem",
    "ChecklistNeed",
    "ChecklistTick",
    "DriftAlarm",
    "ErrorClass",
    "Finding",
    "FindingAction",
    "Level",
    "Mode",
    "NeededFor",
    "Override",
    "OverrideBrief",
    "Part",
    "PhoneAnswer",
    "PhoneAttempt",
    "PhoneCheck",
    "PhoneQuestion",
    "PhoneScript",
    "QualitySetting",
    "Queue",
    "QueueMember",
    "Recusal",
    "Relation",
    "ReviewDay",
    "Reviewer",
    "RoutingRule",
    "SamplingMark",
    "SamplingRule",
    "SavedFilter",
    "SecondLook",
    "Severity",
    "Skip",
    "Stage",
]
