"""The desk of the reviewers, and the configuration behind it."""

from .cases import CaseAdmin
from .configuration import ActionAdmin, AuthorityAdmin, FindingAdmin, QueueAdmin, RecusalAdmin, ReviewerAdmin
from .desk.notes import AttachmentAdmin, CaseNoteAdmin

__all__ = [
    "ActionAdmin",
    "AttachmentAdmin",
    "AuthorityAdmin",
    "CaseAdmin",
    "CaseNoteAdmin",
    "FindingAdmin",
    "QueueAdmin",
    "RecusalAdmin",
    "ReviewerAdmin",
]
