"""One borrower is not held to one rule until a day: asked by one person, approved by another."""

from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from lending.common import clock
from lending.common.compiled import compiled
from lending.common.errors import Conflict, Invalid, NotFound
from risk.models import Exemption, Release, ReleaseForm
from users import queries as users
from users.services import acts

ASK, APPROVE = "risk.ask_exemption", "risk.approve_strategy"
LONGEST = timedelta(days=366)


class AlreadyExempt(Conflict):
    code, title = "already_exempt", "This borrower has such an exemption, or one waits"


class OwnRequest(Conflict):
    code, title = "own_request", "Nobody approves what they asked for"


class NoSuchRule(Invalid):
    code, title = "no_such_rule", "No released rule set has this rule"


class DayOutOfBounds(Invalid):
    code, title = "day_out_of_bounds", "The last day is today or later, and within a year"


def rules_of(user_id: int, on: date) -> list[str]:
    """Names of the rules that this borrower is not held to on that business day, as `rule_set.rule`."""
    return sorted(_live(user_id=user_id, on=on))


@compiled
def _live(user_id: int, on: date) -> QuerySet[Exemption, str]:
    live = Exemption.objects.filter(user_id=user_id, ended_at=None, approved_at__isnull=False, until_date__gte=on)
    return live.values_list("rule", flat=True)


def ask(*, borrower: UUID, rule: str, until: date, by: str, reason: str, at: datetime) -> Exemption:
    """Raises NotFound, NoSuchRule, DayOutOfBounds, AlreadyExempt, NotAllowed, ReasonRequired."""
    user_id = users.user_id_of(borrower)
    if rule not in exemptible_rules():
        raise NoSuchRule(f"{rule} is no rule of a released rule set.", fields={"rule": "Choose one of the list."})
    today = clock.business_date(at)
    if not today <= until <= today + LONGEST:
        raise DayOutOfBounds(fields={"until": f"From {today} to {today + LONGEST}."})
    lapsed = Exemption.objects.filter(user_id=user_id, rule=rule, ended_at=None, until_date__lt=today)
    lapsed.update(ended_by="system", ended_at=at)
    if Exemption.objects.filter(user_id=user_id, rule=rule, ended_at=None).exists():
        raise AlreadyExempt
    row = Exemption.objects.create(
        user_id=user_id, rule=rule, until_date=until, reason=acts.checked(reason), asked_by=by, asked_at=at
    )
    acts.record(by=by, act="exempt_ask", subject=f"exemption:{row.pk}", reason=reason, at=at, permission=ASK)
    return row


def approve(*, exemption_id: int, by: str, reason: str, at: datetime) -> None:
    """Raises NotFound, OwnRequest, NotAllowed."""
    row = Exemption.objects.select_for_update().filter(pk=exemption_id, ended_at=None, approved_at=None).first()
    if row is None:
        raise NotFound("There is no such exemption that waits.")
    if row.asked_by == by:
        raise OwnRequest
    acts.record(by=by, act="exempt_approve", subject=f"exemption:{row.pk}", reason=reason, at=at, permission=APPROVE)
    row.approved_by, row.approved_at = by, at
    row.save(update_fields=["approved_by", "approved_at"])


def end(*, exemption_id: int, by: str, reason: str, at: datetime) -> None:
    """Refuses one that waits, takes back one that holds. Raises NotFound, NotAllowed."""
    row = Exemption.objects.select_for_update().filter(pk=exemption_id, ended_at=None).first()
    if row is None:
        raise NotFound("There is no such exemption, or it has ended.")
    acts.record(by=by, act="exempt_end", subject=f"exemption:{row.pk}", reason=reason, at=at, permission=ASK)
    row.ended_by, row.ended_at = by, at
    row.save(update_fields=["ended_by", "ended_at"])


def exemptible_rules() -> list[str]:
    """`rule_set.rule` of every rule of the newest version of every rule set."""
    newest: dict[str, Release] = {}
    for row in Release.objects.filter(form=ReleaseForm.RULE_SET).order_by("key", "version"):
        newest[row.key] = row
    return sorted(f"{key}.{rule['id']}" for key, row in newest.items() for rule in (row.authored or {})["rules"])
