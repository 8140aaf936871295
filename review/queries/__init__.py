"""Reads of the human verdict for other apps and for doors. Frozen dataclasses."""

from review.queries.cases import (
    ActionView,
    CaseView,
    actions_of,
    case,
    case_of,
    cases_held_by,
    rounds_of,
    waiting_cases,
)
from review.queries.queues import FindingView, QueueView, findings, queues

__all__ = [
    "ActionView",
    "CaseView",
    "FindingView",
    "QueueView",
    "actions_of",
    "case",
    "case_of",
    "cases_held_by",
    "findings",
    "queues",
    "rounds_of",
    "waiting_cases",
]
