from .application import Application, ApplicationStatus
from .calendar import DemoClock, Holiday
from .customer import Customer
from .drawdown import Drawdown, DrawdownStatus
from .event import Event
from .grade import Grade
from .grant import Grant, GrantStatus
from .idempotency import IdempotencyKey
from .ledger import Account, Entry, Journal
from .loan import Instalment, Loan, LoanCreditor, LoanStatus, Repayment
from .party import Party
from .product import Lifetime, Product, ServicingTerm
from .reason import Reason
from .supplement import Supplement, SupplementItem

__all__ = [
    "Account",
    "Application",
    "ApplicationStatus",
    "Customer",
    "DemoClock",
    "Drawdown",
    "DrawdownStatus",
    "Entry",
    "Event",
    "Grade",
    "Grant",
    "GrantStatus",
    "Holiday",
    "IdempotencyKey",
    "Instalment",
    "Journal",
    "Lifetime",
    "Loan",
    "LoanCreditor",
    "LoanStatus",
    "Party",
    "Product",
    "Reason",
    "Repayment",
    "ServicingTerm",
    "Supplement",
    "SupplementItem",
]
