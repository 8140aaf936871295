"""The desk of the reviewers, and the configuration behind it."""

from .cases import CaseAdmin
from .configuration import ActionAdmin, AuthorityAdmin, FindingAdmin, QueueAdmin, RecusalAdmin, ReviewerAdmin

__all__ = [
    "ActionAdmin",
    "AuthorityAdmin",
    "CaseAdmin",
    "FindingAdmin",
    "QueueAdmin",
    "RecusalAdmin",
    "ReviewerAdmin",
]
