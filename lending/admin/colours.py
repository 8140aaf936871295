"""States in the five colours: amber waits, green moved money or is done, red is overdue or ended, teal is in work."""

from django.db.models import TextChoices

from lending.models import ApplicationStatus as A
from lending.models import DrawdownStatus as D
from lending.models import GrantStatus as G
from lending.models import LoanStatus as L

APPLICATION: dict[str, str] = {
    A.SUBMITTED: "teal",
    A.ASSESSING: "teal",
    A.REFERRED: "amber",
    A.SUPPLEMENT: "amber",
    A.GRANTED: "green",
    A.DECLINED: "red",
}
GRANT: dict[str, str] = {G.ACTIVE: "green", G.FROZEN: "amber"}
DRAWDOWN: dict[str, str] = {
    D.REQUESTED: "teal",
    D.ROUTING: "teal",
    D.NO_FUNDER: "amber",
    D.FUNDER_PENDING: "teal",
    D.SIGNING: "amber",
    D.SIGNED: "teal",
    D.DISBURSING: "teal",
    D.CARD_FIX: "amber",
    D.PAID: "green",
    D.RETURNED: "red",
    D.DECLINED: "red",
}
LOAN: dict[str, str] = {
    L.ACTIVE: "teal",
    L.OVERDUE: "red",
    L.SETTLED: "green",
    L.COMPENSATED: "red",
    L.WRITTEN_OFF: "red",
}
WORDS: dict[str, type[TextChoices]] = {"application": A, "grant": G, "drawdown": D, "loan": L}
STATES = APPLICATION | GRANT | DRAWDOWN | LOAN  # of an event's target, whose subject may be any of them

# States of what other apps own, as pages over several apps show them.
OTHERS: dict[str, dict[str, str]] = {
    "pull": {"pending": "amber", "answered": "green", "reused": "teal", "dead": "red"},
    "check": {"pending": "teal", "passed": "green", "failed": "red", "dead": "amber"},
    "outcome": {"approve": "green", "refer": "amber", "decline": "red", "void": "grey"},
    "case": {"WAITING_INITIAL": "amber", "WAITING_FINAL": "amber", "IN_INITIAL": "teal", "IN_FINAL": "teal"},
    "contract": {"RENDERED": "amber", "SIGNED": "teal", "SEALED": "green"},
    "allocation": {
        "RESERVED": "teal",
        "SUBMITTED": "teal",
        "UNKNOWN": "amber",
        "ACCEPTED": "green",
        "REFUSED": "red",
        "COMMITTED": "green",
    },
    "payout": {
        "DUE": "amber",
        "SENT": "teal",
        "UNKNOWN": "amber",
        "PAID": "green",
        "FAILED": "red",
        "RETURNED": "red",
    },
    "offer": {"open": "amber", "taken": "green"},
    "lead": {
        "CHOSEN": "teal",
        "READY": "teal",
        "SENT": "teal",
        "UNKNOWN": "amber",
        "ACCEPTED": "green",
        "PAID": "green",
        "REFUSED": "red",
        "RETURNED": "red",
    },
    "message": {"queued": "teal", "sent": "green", "failed": "red"},
    "card": {"added": "teal", "checked": "amber", "confirmed": "green", "refused": "red"},
    "list": {"black": "red", "grey": "amber", "white": "green"},
    "step": {"done": "grey", "waits": "amber", "failed": "amber", "stuck": "red"},
}


def for_pages() -> dict[str, dict[str, tuple[str, str]]]:
    """{kind: {state: (colour, word)}} for templates."""
    own = {"application": APPLICATION, "grant": GRANT, "drawdown": DRAWDOWN, "loan": LOAN}
    found = {
        kind: {value: (colours.get(value, "grey"), str(word)) for value, word in WORDS[kind].choices}
        for kind, colours in own.items()
    }
    return found | {kind: {value: (colour, value) for value, colour in known.items()} for kind, known in OTHERS.items()}
