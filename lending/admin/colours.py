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
