"""Budgets for data: kept, changed with a reason, watched."""

from datetime import datetime

from django.db import transaction

from lending.common import clock
from lending.common.errors import Conflict, Invalid, NotFound
from lending.common.money import format_cents
from risk import queries
from risk.models import Budget
from risk.rules import budget as rules
from users.models import Severity
from users.services import acts, amendments, notices

MAY_CHANGE = "risk.change_budget"
MOST_CENTS = 10**9


class NothingChanged(Conflict):
    code, title = "nothing_changed", "Nothing is different"


def load() -> None:
    """The shipped budgets, value by value, where staff have not set their own."""
    for kind, (limit_cents, alarm_percent) in rules.SHIPPED.items():
        row = Budget.objects.filter(kind=kind).first() or Budget(kind=kind)
        amended = amendments.fields_of(f"budget:{row.pk}") if row.pk else frozenset()
        for name, value in (("limit_cents", limit_cents), ("alarm_percent", alarm_percent)):
            if name not in amended:
                setattr(row, name, value)
        row.save()


def change(*, budget_id: int, limit_cents: int, alarm_percent: int, by: str, reason: str, at: datetime) -> None:
    """From now on. Raises NotFound, NothingChanged, Invalid with its fields, NotAllowed, ReasonRequired."""
    row = Budget.objects.select_for_update().filter(pk=budget_id).first()
    if row is None:
        raise NotFound("There is no such budget.")
    faults = {}
    if not 0 < limit_cents <= MOST_CENTS:
        faults["limit_cents"] = "More than nothing, at most 10,000,000.00."
    if not 1 <= alarm_percent <= 200:
        faults["alarm_percent"] = "From 1 to 200."
    if faults:
        raise Invalid("Some values are not possible.", fields=faults)
    told = {}
    if limit_cents != row.limit_cents:
        told["limit_cents"] = (format_cents(row.limit_cents), format_cents(limit_cents))
    if alarm_percent != row.alarm_percent:
        told["alarm_percent"] = (f"{row.alarm_percent} %", f"{alarm_percent} %")
    if not told:
        raise NothingChanged()
    subject = f"budget:{row.pk}"
    acts.record(by=by, act="change_budget", subject=subject, reason=reason, at=at, permission=MAY_CHANGE)
    amendments.record(subject=subject, changed=told, by=by, reason=reason, at=at)
    row.limit_cents, row.alarm_percent, row.told_on, row.told_percent = limit_cents, alarm_percent, None, 0
    row.save(update_fields=["limit_cents", "alarm_percent", "told_on", "told_percent"])


@transaction.atomic(durable=True)
def run_watch(*, now: datetime) -> int:
    """Raise an alarm for each budget that is near, once a day, and once more where it is used up. Returns how many."""
    today, raised = clock.business_date(now), 0
    for row in Budget.objects.select_for_update().order_by("pk"):
        used = queries.budget_use(row.kind, today).used_cents
        step = rules.reached(used, row.limit_cents, row.alarm_percent) if used is not None else 0
        if used is None or not step or (row.told_on == today and step <= row.told_percent):
            continue
        text = f"{row.get_kind_display()}: {format_cents(used)} of {format_cents(row.limit_cents)} on {today}."
        severity = Severity.CRITICAL if row.kind == "day" and step >= 100 else Severity.WARNING
        notices.raise_notice(kind="data_budget", subject=f"budget:{row.pk}", text=text, at=now, severity=severity)
        row.told_on, row.told_percent = today, step
        row.save(update_fields=["told_on", "told_percent"])
        raised += 1
    return raised
