"""Reads of the human verdict for other apps and for doors. Frozen dataclasses."""

from review.queries.cases import (
    ActionView,
    CaseView,
    actions_of,
    case,
    case_of,
    cases_held_by,
    cases_of,
    rounds_of,
    waiting_cases,
)
from review.queries.checklist import ChecklistView, checklist
from review.queries.notes import AttachmentView, NoteView, attachments_of, notes_of
from review.queries.phone import PhoneLog, QuestionView, called_number, phone_log, question
from review.queries.queues import FindingView, QueueView, approval_findings, findings, queues
from review.queries.standing import AuthorityFor, Standing, authority_for, standing

__all__ = [
    "ActionView",
    "AttachmentView",
    "AuthorityFor",
    "CaseView",
    "ChecklistView",
    "FindingView",
    "NoteView",
    "PhoneLog",
    "QuestionView",
    "QueueView",
    "Standing",
    "actions_of",
    "approval_findings",
    "attachments_of",
    "authority_for",
    "called_number",
    "case",
    "case_of",
    "cases_held_by",
    "cases_of",
    "checklist",
    "findings",
    "notes_of",
    "phone_log",
    "question",
    "queues",
    "rounds_of",
    "standing",
    "waiting_cases",
]
