"""The desk of the reviewers, and the configuration behind it."""

from .authority import AuthorityAdmin, AuthorityVersionAdmin
from .batch_rules import BatchChangeAdmin, BatchRuleAdmin
from .cases import CaseAdmin
from .checklist import ChecklistItemAdmin, ChecklistTickAdmin
from .configuration import ActionAdmin, FindingAdmin, RecusalAdmin, ReviewerAdmin
from .desk.notes import AttachmentAdmin, CaseNoteAdmin
from .feedback import OverrideAdmin, OverrideBriefAdmin
from .phone import PhoneAnswerAdmin, PhoneAttemptAdmin, PhoneCheckAdmin, PhoneQuestionAdmin, PhoneScriptAdmin
from .quality import (
    DriftAlarmAdmin,
    ErrorClassAdmin,
    QualitySettingAdmin,
    ReviewDayAdmin,
    SamplingRuleAdmin,
    SecondLookAdmin,
)
from .queues import QueueAdmin, RoutingRuleAdmin

__all__ = [
    "ActionAdmin",
    "AttachmentAdmin",
    "AuthorityAdmin",
    "AuthorityVersionAdmin",
    "BatchChangeAdmin",
    "BatchRuleAdmin",
    "CaseAdmin",
    "CaseNoteAdmin",
    "ChecklistItemAdmin",
    "ChecklistTickAdmin",
    "DriftAlarmAdmin",
    "ErrorClassAdmin",
    "FindingAdmin",
    "OverrideAdmin",
    "OverrideBriefAdmin",
    "PhoneAnswerAdmin",
    "PhoneAttemptAdmin",
    "PhoneCheckAdmin",
    "PhoneQuestionAdmin",
    "PhoneScriptAdmin",
    "QualitySettingAdmin",
    "QueueAdmin",
    "RecusalAdmin",
    "ReviewDayAdmin",
    "ReviewerAdmin",
    "RoutingRuleAdmin",
    "SamplingRuleAdmin",
    "SecondLookAdmin",
]
