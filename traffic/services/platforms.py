"""Staff's side of other platforms: what they pay in advance, and whether borrowers are offered them."""

from datetime import datetime

from django.db.models import F

from lending.common import clock
from lending.common.errors import Conflict, Invalid, NotFound
from lending.common.money import MAX_CENTS
from lending.services import ledger
from traffic.models import Platform, PlatformPayment
from users.services import acts

BOOK, SWITCH = "traffic.book_platform", "traffic.switch_platform"
CURRENCY = "CNY"  # of every balance
SYSTEM = "system"


class NothingPaid(Invalid):
    code, title = "nothing_paid", "A payment is an amount above zero with a reference of the bank's"


class PaymentBooked(Conflict):
    code, title = "payment_booked", "A payment of this reference was booked already"


class AlreadySo(Conflict):
    code, title = "already_so", "This platform is switched that way already"


def book_payment(*, platform: str, amount_cents: int, reference: str, reason: str, by: str, at: datetime) -> int:
    """Add what it has paid in advance to its balance, once a `reference` of the bank's; the payment's id.

    Raises NotFound, NothingPaid, PaymentBooked, NotAllowed, ReasonRequired.
    """
    acts.require(by=by, permission=BOOK)
    row = _locked(platform)
    reference = " ".join(reference.split())
    if not 0 < amount_cents <= MAX_CENTS or not reference:
        raise NothingPaid(f"{amount_cents} cents, {reference!r}.")
    if PlatformPayment.objects.filter(reference=reference).exists():
        raise PaymentBooked(reference)
    payment = _book(row, amount_cents, reference, by, at)
    acts.record(by=by, act="book_platform", subject=f"platform:{platform}", reason=reason, at=at)
    return payment.pk


def book_opening(*, platform: str, amount_cents: int, at: datetime) -> None:
    """What it had paid when it was first configured."""
    if amount_cents > 0:
        _book(_locked(platform), amount_cents, f"opening {platform}", SYSTEM, at)


def _book(row: Platform, amount_cents: int, reference: str, by: str, at: datetime) -> PlatformPayment:
    journal = ledger.post_with(
        party=str(row.pk),
        key=f"platform_payment-{reference}",
        kind="platform_payment",
        currency=CURRENCY,
        legs={"cash_in_transit": amount_cents, "platform_prepaid": -amount_cents},
        business_date=clock.business_date(at),
        at=at,
    )
    Platform.objects.filter(pk=row.pk).update(balance_cents=F("balance_cents") + amount_cents)
    return PlatformPayment.objects.create(
        platform=row,
        reference=reference,
        amount_cents=amount_cents,
        currency=CURRENCY,
        on_date=clock.business_date(at),
        booked_at=at,
        by=by,
        journal=journal,
    )


def switch_platform(*, platform: str, on: bool, reason: str, by: str, at: datetime) -> None:
    """Off: nobody is offered it, and who has chosen it is not told of. Raises NotFound, AlreadySo, NotAllowed,
    ReasonRequired."""
    acts.require(by=by, permission=SWITCH)
    row = _locked(platform)
    if row.enabled == on:
        raise AlreadySo()
    row.enabled = on
    row.save(update_fields=["enabled"])
    acts.record(by=by, act="switch_platform", subject=f"platform:{platform}", reason=reason, at=at)


def _locked(platform: str) -> Platform:
    row = Platform.objects.select_for_update().filter(party_id=platform).first()
    if row is None:
        raise NotFound("There is no such platform.")
    return row
