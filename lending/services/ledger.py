"""The only writer of journal entries. The database refuses a journal that does not sum to zero, and any change."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from lending.common.errors import Conflict
from lending.models import Account, Entry, Journal, Loan


class AlreadyReversed(Conflict):
    code, title = "already_reversed", "This journal has been reversed"


def post(
    *,
    key: str,
    kind: str,
    loan: Loan,
    legs: Mapping[str, int],
    business_date: date,
    at: datetime,
    reverses: Journal | None = None,
) -> Journal:
    """Post `legs` (account kind → cents, debit positive) in the loan's book. The same key again returns the first.

    Zero legs are left out; the rest must sum to zero (ValueError: a bug of the caller).
    """
    of = {"loan": loan, "reverses": reverses}
    return _post(key, kind, legs, loan.book, loan.product.currency, business_date, at, **of)


def post_with(
    *, party: str, key: str, kind: str, currency: str, legs: Mapping[str, int], business_date: date, at: datetime
) -> Journal:
    """As `post`, in the own book, of what was settled with a party and belongs to no one loan."""
    return _post(key, kind, legs, "own", currency, business_date, at, party=party)


def _post(
    key: str,
    kind: str,
    legs: Mapping[str, int],
    book: str,
    currency: str,
    business_date: date,
    at: datetime,
    **of: Any,
) -> Journal:
    existing = Journal.objects.filter(key=key).first()
    if existing is not None:
        return existing
    moved: dict[str, int] = {account: cents for account, cents in legs.items() if cents}
    if not moved or sum(moved.values()) != 0:
        raise ValueError(f"journal {key} does not balance: {moved}")
    journal = Journal.objects.create(key=key, kind=kind, business_date=business_date, posted_at=at, **of)
    accounts = _accounts(book, currency, moved)
    Entry.objects.bulk_create(
        Entry(journal=journal, account=accounts[account], amount_cents=cents) for account, cents in moved.items()
    )
    return journal


def _accounts(book: str, currency: str, kinds: Mapping[str, int]) -> dict[str, Account]:
    return {kind: Account.objects.get_or_create(kind=kind, book=book, currency=currency)[0] for kind in sorted(kinds)}


def reverse(*, journal: Journal, key: str, business_date: date, at: datetime) -> Journal:
    """Post the opposite of every leg of a loan's journal, once."""
    if journal.loan is None:
        raise ValueError(f"journal {journal} is of a statement, which the next one corrects")
    if Journal.objects.filter(reverses=journal).exclude(key=key).exists():
        raise AlreadyReversed()
    legs = {entry.account.kind: -entry.amount_cents for entry in journal.entries.select_related("account")}
    return post(
        key=key,
        kind=f"{journal.kind}_reversal",
        loan=journal.loan,
        legs=legs,
        business_date=business_date,
        at=at,
        reverses=journal,
    )


def funding_account(loan: Loan) -> str:
    """Where the principal comes from: our cash for the own book, the funder's claim on us for a mirrored one."""
    return "cash_in_transit" if loan.book == "own" else "funder_payable"
