"""What the funders' desk does by hand: ask again about a payout, say what came of a returned one, take a drawdown away
from its funder, switch a programme off and on."""

from datetime import datetime

from funding.models import Allocation, Payout, PayoutState, Programme
from funding.models.allocation import LIVE, ReleaseCause
from funding.services.routing import check_no_payout_open, let_go
from lending.common.errors import Conflict, NotFound
from lending.common.wake import wake
from lending.models import Drawdown, DrawdownStatus
from lending.services import drawdowns
from users.services import acts

ASK, REROUTE, SWITCH = "funding.ask_payout", "funding.reroute_drawdown", "funding.switch_programme"
ASKABLE = (PayoutState.SENT, PayoutState.UNKNOWN)
REROUTABLE = (DrawdownStatus.FUNDER_PENDING, DrawdownStatus.SIGNING, DrawdownStatus.NO_FUNDER)


class NothingToAsk(Conflict):
    code, title = "nothing_to_ask", "The outcome of this payout is known, or it was not sent yet"


class NotReturned(Conflict):
    code, title = "not_returned", "This payout did not come back"


class FollowedUpAlready(Conflict):
    code, title = "followed_up_already", "Somebody has followed this up already"


class NotReroutable(Conflict):
    code, title = "not_reroutable", "Only what waits for a funder or for the borrower's signature is routed anew"


class SwitchedAlready(Conflict):
    code, title = "switched_already", "It is so already"


class NotCapped(Conflict):
    code, title = "not_capped", "A programme lends only with a priority and caps for day and month"


def ask_payout(*, payout_id: int, reason: str, by: str, at: datetime) -> None:
    """Ask the payment channel now what became of an order, instead of at its next turn. Never sends it again.

    Raises NotFound, NothingToAsk, NotAllowed, ReasonRequired.
    """
    payout = _payout(payout_id)
    if payout.state not in ASKABLE:
        raise NothingToAsk(f"It is {payout.state}.", state=payout.state)
    acts.record(by=by, act="ask_payout", subject=f"payout:{payout_id}", reason=reason, at=at, permission=ASK)
    payout.not_before = None  # a worker that asks just now keeps its lease
    payout.save(update_fields=["not_before"])
    wake("funding.tasks.run_payout", payout_id=payout_id)


def follow_up(*, payout_id: int, reason: str, by: str, at: datetime) -> None:
    """Say what was agreed with the borrower whose money came back: it leaves the queue.

    Raises NotFound, NotReturned, FollowedUpAlready, NotAllowed, ReasonRequired.
    """
    payout = _payout(payout_id)
    if payout.state != PayoutState.RETURNED:
        raise NotReturned(f"It is {payout.state}.", state=payout.state)
    if payout.followed_up_at is not None:
        raise FollowedUpAlready()
    subject = f"payout:{payout_id}"
    acts.record(by=by, act="follow_up_return", subject=subject, reason=reason, at=at, permission=ASK)
    payout.followed_up_at = at
    payout.save(update_fields=["followed_up_at"])


def reroute(*, drawdown_id: int, reason: str, by: str, at: datetime) -> None:
    """Take a drawdown from its funder, which is not asked again, and look for the next that the borrower named; where
    it has none, look anew. Contracts already issued are void, new ones follow the next funder's yes.

    Raises NotFound, NotReroutable, PayoutUnresolved, NotAllowed, ReasonRequired.
    """
    acts.require(by=by, permission=REROUTE)
    if not Drawdown.objects.filter(pk=drawdown_id).exists():
        raise NotFound("There is no such drawdown.")
    drawdown = drawdowns.lock(drawdown_id)
    if drawdown.status not in REROUTABLE:
        raise NotReroutable(f"It is {drawdown.status}.", state=drawdown.status)
    check_no_payout_open(drawdown_id)
    acts.record(by=by, act="reroute_drawdown", subject=f"drawdown:{drawdown_id}", reason=reason, at=at)
    held = Allocation.objects.select_for_update().filter(drawdown_id=drawdown_id, state__in=LIVE).first()
    if held is not None:
        let_go(held, cause=ReleaseCause.REROUTED, at=at)
    drawdowns.rerouted(drawdown_id=drawdown_id, by=by, at=at)


def switch_programme(*, programme_code: str, on: bool, reason: str, by: str, at: datetime) -> None:
    """Off: no drawdown is offered to it from now on; those that it was asked about or has approved go on.

    Raises NotFound, SwitchedAlready, NotCapped, NotAllowed, ReasonRequired.
    """
    acts.require(by=by, permission=SWITCH)
    programme = Programme.objects.select_for_update().filter(pk=programme_code).first()
    if programme is None:
        raise NotFound("There is no such programme.")
    if programme.enabled == on:
        raise SwitchedAlready()
    if on and not (programme.cap_day_cents and programme.cap_month_cents and programme.priority is not None):
        raise NotCapped()
    programme.enabled = on
    programme.save(update_fields=["enabled"])
    subject = f"programme:{programme_code}"
    acts.record(by=by, act="switch_programme", subject=subject, reason=reason, at=at)


def _payout(payout_id: int) -> Payout:
    """Locked, after its drawdown."""
    found = Payout.objects.filter(pk=payout_id).values_list("drawdown_id", flat=True).first()
    if found is None:
        raise NotFound("There is no such payout.")
    drawdowns.lock(found)
    return Payout.objects.select_for_update().get(pk=payout_id)
