"""What partners may be answered, read off the code that answers: named errors by what is called, and the words."""

from collections.abc import Iterable
from dataclasses import dataclass

import contracts.services as contracts
from funding.services import collections
from lending.common import problem, signed
from lending.common.errors import DomainError, NotFound
from lending.common.text import UnusableText
from lending.rules.offer import AboveCeiling
from lending.services import applications, drawdowns, gates, grants, idempotency, repayments, supplements
from traffic import queries
from traffic.queries import reconciliation, settlement
from traffic.rules import fieldmap
from traffic.services import agreements, calls, cards, intake, keys, prechecks
from users.rules import identity
from users.services import auth, checks, codes, consents, faces, operator
from users.services import cards as bank_cards

Errors = tuple[type[DomainError], ...]

CODES: Errors = (
    codes.WrongCode, codes.CodeTooSoon, codes.TooManyCodes, codes.TooManyTries, codes.TooManyWrongCodes,
)  # fmt: skip
ANSWERS: tuple[tuple[str, Errors], ...] = (
    (
        "every call",
        (
            signed.SignatureMissing, signed.TimestampOutside, signed.UnknownApp, signed.SignatureMismatch,
            signed.NonceUsed, calls.AddressNotAllowed, calls.NotInYourFlow, calls.RateLimited, NotFound,
            fieldmap.BadFields, problem.Malformed, problem.TooLarge, problem.UnsupportedMediaType,
            problem.MethodNotAllowed,
        ),
    ),
    ("precheck", (prechecks.PrecheckRate, prechecks.NoPrecheck)),
    (
        "applications, sessions",
        (
            intake.OrderIdUsed, intake.BorrowerRefused, intake.DayQuotaUsed, applications.OpenApplicationExists,
            applications.CoolingOff, applications.ProductClosed, applications.WrongState,
            supplements.SupplementClosed, supplements.SupplementAnswered, UnusableText,
            identity.InvalidPhone, identity.InvalidIdNumber,
        ),
    ),
    (
        "agreements, operator",
        (
            applications.ProfileIncomplete, auth.AgreementsNotAccepted, agreements.TickWithoutCode,
            consents.UnknownDocument, consents.DocumentOutdated, consents.WrongRecipients, consents.ConsentMissing,
            checks.TooManyChecks, operator.NoCodeAwaited, operator.CodeBeingChecked, operator.TooManyBeginnings,
            operator.OperatorNotAsked, *CODES,
        ),
    ),
    (
        "bank-cards",
        (
            cards.NotAgreed, identity.InvalidCardNumber, bank_cards.TooManyCards, bank_cards.CardNotWaiting,
            codes.CodeNotAvailable,
        ),
    ),
    (
        "limits, quote, drawdowns",
        (
            queries.NotGranted, idempotency.KeyMissing, idempotency.KeyReused, idempotency.KeyInFlight,
            faces.FaceNeeded,
            drawdowns.ConsentNotLive, drawdowns.CardNotUsable, grants.GrantNotUsable, drawdowns.TooManyLoans,
            gates.InvalidRequest, AboveCeiling, drawdowns.WrongState,
        ),
    ),
    ("contracts, sign", (contracts.ContractsNotReady, contracts.CostSheetNotRead, contracts.NotSignable)),
    (
        "loans",
        (repayments.NotOwed, collections.CollectionOpen, collections.LoanClosed, collections.NothingToCollect),
    ),
    ("events/resend, callback-secret", (keys.NoReceiver,)),
    ("reconciliation, statement", (reconciliation.DayNotOver, settlement.NoStatement)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """An error as partners meet it."""

    status: int
    code: str
    title: str
    means: str


def errors() -> tuple[tuple[str, tuple[Told, ...]], ...]:
    """By what is called; each code once, where it is met first."""
    seen: set[str] = set()
    return tuple((called, tuple(_told(classes, seen))) for called, classes in ANSWERS)


def _told(classes: Iterable[type[DomainError]], seen: set[str]) -> Iterable[Told]:
    found = []
    for one in classes:
        if one.code not in seen:
            seen.add(one.code)
            own = (one.__doc__ or "").strip() if "__doc__" in vars(one) else ""
            found.append(Told(one.status, one.code, one.title, own.split("\n")[0]))
    return sorted(found, key=lambda row: (row.status, row.code))
