"""Contracts: what other apps and doors call."""

from contracts.services.erasure import erase
from contracts.services.evidence import Verification, verify
from contracts.services.letters import NotIssuable, issue_annex, issue_letter, issue_note
from contracts.services.production import due, run_contract
from contracts.services.sets import (
    ContractSetIncomplete,
    ContractsNotReady,
    CostSheetNotRead,
    NotSignable,
    check_complete,
    issue,
    open_document,
    sign,
    void,
)

__all__ = [
    "ContractSetIncomplete",
    "ContractsNotReady",
    "CostSheetNotRead",
    "NotIssuable",
    "NotSignable",
    "Verification",
    "check_complete",
    "due",
    "erase",
    "issue",
    "issue_annex",
    "issue_letter",
    "issue_note",
    "open_document",
    "run_contract",
    "sign",
    "verify",
    "void",
]
