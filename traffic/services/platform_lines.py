"""What leads earn us, by the terms of their platform, and what we lose of it again: each once, out of its balance."""

from datetime import datetime, timedelta

from django.db.models import F

from lending.common import clock
from lending.services import ledger
from traffic.models import Lead, LeadState, Platform, PlatformLine, PlatformReason
from traffic.models.settlement import LineKind
from traffic.rules import settlement

EARNS = {settlement.CPL: (LeadState.ACCEPTED, LeadState.PAID), settlement.CPS: (LeadState.PAID,)}


def settle(lead: Lead, *, at: datetime) -> None:
    """Write what the state of a lead has brought; nothing twice. The lead's row is locked and saved."""
    platform = Platform.objects.get(pk=lead.platform_id)
    earned = PlatformLine.objects.filter(lead=lead, kind=LineKind.FEE).first()
    if earned is None and lead.state in EARNS.get(platform.settle_kind, ()):
        _earn(lead, platform, at)
    elif lead.state in (LeadState.REFUSED, LeadState.RETURNED):
        let_go(lead)
        if earned is not None and lead.state == LeadState.RETURNED:
            _lose(earned, platform, at)


def let_go(lead: Lead) -> None:
    """What was held for it is free again."""
    if lead.held_cents:
        Platform.objects.filter(pk=lead.platform_id).update(held_cents=F("held_cents") - lead.held_cents)
        lead.held_cents = 0
        lead.save(update_fields=["held_cents"])


def _earn(lead: Lead, platform: Platform, at: datetime) -> None:
    terms = settlement.Terms(platform.settle_kind, platform.settle_rate, platform.settle_fee_cents)
    by_share = platform.settle_kind == settlement.CPS
    base_cents = (lead.paid_cents or 0) if by_share else None
    amount = settlement.fee(terms, base_cents or 0)
    let_go(lead)
    if amount <= 0:
        return  # a share of next to nothing rounds to nothing
    reason = PlatformReason.PAID_OUT if by_share else PlatformReason.LEAD
    line = PlatformLine.objects.create(
        platform=platform,
        lead=lead,
        kind=LineKind.FEE,
        reason=reason,
        source=f"{reason}:{lead.pk}",
        base_cents=base_cents,
        rate=terms.rate,
        amount_cents=amount,
        currency=lead.currency,
        earned_at=at,
        on_date=clock.business_date(at),
    )
    _book(line)


def _lose(earned: PlatformLine, platform: Platform, at: datetime) -> None:
    """Only within the days that were agreed: what comes back later stays earned."""
    if at > earned.earned_at + timedelta(days=platform.return_days):
        return
    line = PlatformLine.objects.create(
        platform=platform,
        lead_id=earned.lead_id,
        kind=LineKind.CLAWBACK,
        reason=PlatformReason.RETURNED,
        source=f"returned:{earned.pk}",
        reverses=earned,
        base_cents=earned.base_cents,
        rate=earned.rate,
        amount_cents=-earned.amount_cents,
        currency=earned.currency,
        earned_at=at,
        on_date=clock.business_date(at),
    )
    _book(line)


def _book(line: PlatformLine) -> None:
    """Out of what was paid in advance, or back into it; in the ledger, too."""
    ledger.post_with(
        party=str(line.platform_id),
        key=f"platform_line-{line.pk}",
        kind="platform_line",
        currency=line.currency,
        legs={"platform_prepaid": line.amount_cents, "distribution_income": -line.amount_cents},
        business_date=line.on_date,
        at=line.earned_at,
    )
    Platform.objects.filter(pk=line.platform_id).update(balance_cents=F("balance_cents") - line.amount_cents)
