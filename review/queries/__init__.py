"""Reads of the human verdict for other apps and for doors. Frozen dataclasses."""

from review.queries.authority import VersionView, authority_version
from review.queries.batch import BatchLine, batch_of
from review.queries.cases import (
    ActionView,
    CaseView,
    actions_of,
    case,
    case_of,
    cases_about,
    cases_held_by,
    cases_of,
    rounds_of,
    waiting_cases,
)
from review.queries.checklist import ChecklistView, checklist, checklist_of
from review.queries.notes import AttachmentView, NoteView, attachments_of, notes_of
from review.queries.phone import PhoneLog, QuestionView, called_number, phone_log, question
from review.queries.queues import (
    FindingView,
    QueueSettings,
    QueueView,
    ReviewerView,
    all_findings,
    approval_findings,
    findings,
    queue_settings,
    queues,
    reviewer,
    reviewers,
    saved_filters,
)
from review.queries.remaining import RemainingView, remaining
from review.queries.standing import AuthorityFor, Standing, authority_for, standing
from review.queries.why import WhyView, why_of, why_this_one

__all__ = [
    "ActionView",
    "AttachmentView",
    "AuthorityFor",
    "BatchLine",
    "CaseView",
    "ChecklistView",
    "FindingView",
    "NoteView",
    "PhoneLog",
    "QuestionView",
    "QueueSettings",
    "QueueView",
    "RemainingView",
    "ReviewerView",
    "Standing",
    "VersionView",
    "WhyView",
    "actions_of",
    "all_findings",
    "approval_findings",
    "attachments_of",
    "authority_for",
    "authority_version",
    "batch_of",
    "called_number",
    "case",
    "case_of",
    "cases_about",
    "cases_held_by",
    "cases_of",
    "checklist",
    "checklist_of",
    "findings",
    "notes_of",
    "phone_log",
    "question",
    "queue_settings",
    "queues",
    "remaining",
    "reviewer",
    "reviewers",
    "rounds_of",
    "saved_filters",
    "standing",
    "waiting_cases",
    "why_of",
    "why_this_one",
]
