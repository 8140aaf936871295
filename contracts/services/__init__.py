"""Contracts: what other apps and doors call."""

from contracts.services.erasure import erase, forget
from contracts.services.evidence import LARGEST_TO_VERIFY, NotAPdf, Verification, recognise, verify
from contracts.services.letters import NotIssuable, issue_annex, issue_letter, issue_note
from contracts.services.production import due, run_contract
from contracts.services.sets import (
    ContractSetIncomplete,
    ContractsNotReady,
    CostSheetNotRead,
    NotSignable,
    check_can_sign,
    check_complete,
    issue,
    open_document,
    sign,
    void,
)

__all__ = [
    "LARGEST_TO_VERIFY",
    "ContractSetIncomplete",
    "ContractsNotReady",
    "CostSheetNotRead",
    "NotAPdf",
    "NotIssuable",
    "NotSignable",
    "Verification",
    "check_can_sign",
    "check_complete",
    "due",
    "erase",
    "forget",
    "issue",
    "issue_annex",
    "issue_letter",
    "issue_note",
    "open_document",
    "recognise",
    "run_contract",
    "sign",
    "verify",
    "void",
]
