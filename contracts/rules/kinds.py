"""What each contract is, how it is agreed to, and what a complete set is. Pure.

Source: table `consents_and_documents` of the configuration (who signs how, and what it blocks).
"""

import hashlib
from collections.abc import Mapping

COST_SHEET = "cost_sheet"
LOAN_AGREEMENT = "loan_agreement"
GUARANTEE = "guarantee"
DEBIT_MANDATE = "debit_mandate"
ACCOUNT_ANNEX = "account_annex"
NOTE = "note"
TRANSFER_NOTICE = "transfer_notice"
SETTLED_LETTER = "settled_letter"

CONFIRM, OTP, OTP_SEAL, SEAL = "confirm", "otp", "otp_seal", "seal"

AGREED_BY = {
    COST_SHEET: CONFIRM,
    LOAN_AGREEMENT: OTP_SEAL,
    GUARANTEE: OTP_SEAL,
    DEBIT_MANDATE: OTP,
    ACCOUNT_ANNEX: OTP_SEAL,
    NOTE: SEAL,
    TRANSFER_NOTICE: SEAL,
    SETTLED_LETTER: SEAL,
}
NUMBER_PREFIX = {
    COST_SHEET: "CS",
    LOAN_AGREEMENT: "LA",
    GUARANTEE: "GA",
    DEBIT_MANDATE: "DM",
    ACCOUNT_ANNEX: "AA",
    NOTE: "NT",
    TRANSFER_NOTICE: "TN",
    SETTLED_LETTER: "SL",
}
SEALED_AFTER_SIGNATURE = tuple(kind for kind, how in AGREED_BY.items() if how == OTP_SEAL)
SEALED_AT_ONCE = tuple(kind for kind, how in AGREED_BY.items() if how == SEAL)
READ_SECONDS = 5  # the cost sheet is open at least so long before anything can be signed


def signing_set(*, guaranteed: bool) -> tuple[str, ...]:
    """The kinds a borrower signs before the payout, in the order they are shown: the cost sheet first."""
    return (COST_SHEET, LOAN_AGREEMENT, *((GUARANTEE,) if guaranteed else ()), DEBIT_MANDATE)


def set_sha256(documents: Mapping[str, str]) -> str:
    """SHA-256 over the lines `kind:sha256`, sorted by kind, one newline after each."""
    lines = "".join(f"{kind}:{documents[kind]}\n" for kind in sorted(documents))
    return hashlib.sha256(lines.encode()).hexdigest()


TRIES_BEFORE_NOTICE = 5  # to print or seal a document
