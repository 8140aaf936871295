"""The desk of the reviewers, and the configuration behind it."""

from .cases import CaseAdmin
from .checklist import ChecklistItemAdmin, ChecklistTickAdmin
from .configuration import ActionAdmin, AuthorityAdmin, FindingAdmin, QueueAdmin, RecusalAdmin, ReviewerAdmin
from .desk.notes import AttachmentAdmin, CaseNoteAdmin
from .phone import PhoneAnswerAdmin, PhoneAttemptAdmin, PhoneCheckAdmin, PhoneQuestionAdmin, PhoneScriptAdmin

__all__ = [
    "ActionAdmin",
    "AttachmentAdmin",
    "AuthorityAdmin",
    "CaseAdmin",
    "CaseNoteAdmin",
    "ChecklistItemAdmin",
    "ChecklistTickAdmin",
    "FindingAdmin",
    "PhoneAnswerAdmin",
    "PhoneAttemptAdmin",
    "PhoneCheckAdmin",
    "PhoneQuestionAdmin",
    "PhoneScriptAdmin",
    "QueueAdmin",
    "RecusalAdmin",
    "ReviewerAdmin",
]
