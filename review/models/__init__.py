from .action import Action, CaseAction
from .case import Case, CaseOutcome, CaseStatus
from .checklist import ChecklistItem, ChecklistTick, NeededFor
from .feedback import Override, OverrideBrief
from .figures import Part, ReviewDay
from .notes import Attachment, AttachmentKind, CaseNote
from .people import Level, Recusal, Relation, Reviewer
from .phone import Callee, CallResult, CheckState, PhoneAnswer, PhoneAttempt, PhoneCheck, PhoneQuestion, PhoneScript
from .quality import DriftAlarm, ErrorClass, QualitySetting, SamplingMark, SamplingRule, SecondLook, Severity
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
    "DriftAlarm",
    "ErrorClass",
    "Finding",
    "FindingAction",
    "Level",
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
    "Recusal",
    "Relation",
    "ReviewDay",
    "Reviewer",
    "SamplingMark",
    "SamplingRule",
    "SecondLook",
    "Severity",
    "Stage",
]
