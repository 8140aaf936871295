"""Every write to a grant (授信额度)."""

from datetime import datetime, timedelta

from lending.common import clock
from lending.common.errors import Conflict, NotFound
from lending.common.money import format_cents
from lending.models import Application, ApplicationStatus, Grant, GrantStatus, Product
from lending.models.product import ProductKind
from lending.rules import offer
from lending.services import applications, events
from users.services import acts, messages


class GrantNotUsable(Conflict):
    code, title = "grant_not_usable", "This limit cannot be used now"


def lock(grant_id: int) -> Grant:
    """Lock the application first, then the grant: the order every service keeps."""
    application_id = Grant.objects.filter(pk=grant_id).values_list("application_id", flat=True).first()
    if application_id is None:
        raise NotFound("There is no such grant.")
    Application.objects.select_for_update().get(pk=application_id)
    return Grant.objects.select_for_update(of=("self",)).select_related("product", "application").get(pk=grant_id)


def open(*, application_id: int, at: datetime) -> int:
    """The grant of a GRANTED application; a second call returns the first one's id."""
    application = applications.lock(application_id)
    existing = Grant.objects.filter(application=application).first()
    if existing is not None:
        return existing.pk
    if application.status != ApplicationStatus.GRANTED:
        raise GrantNotUsable(f"The application is {application.status}.")
    product, terms = application.product, applications.terms_of(application)
    cost = offer.quote(
        amount_cents=terms.amount_cents,
        months=terms.months,
        annual_rate=terms.annual_rate,
        method=terms.method,
        disbursed_on=clock.business_date(at),
    )
    offer.check_ceiling(cost.xirr, product.ceiling_xirr)
    grant = Grant(
        application=application,
        user_id=application.user_id,
        product=product,
        limit_cents=terms.amount_cents,
        months=terms.months,
        annual_rate=terms.annual_rate,
        irr12=cost.irr12,
        xirr=cost.xirr,
        ceiling_xirr=product.ceiling_xirr,
        created_at=at,
        valid_until=at + timedelta(days=product.grant_valid_days),
    )
    grant.save()
    events.record(subject=grant, source="", actor="system", at=at)
    messages.queue(
        user_id=grant.user_id,
        template="application_granted",
        params={
            "limit": format_cents(grant.limit_cents, product.currency),
            "valid_until": clock.business_date(grant.valid_until).isoformat(),
        },
        key=f"granted-{grant.pk}",
        at=at,
    )
    return grant.pk


def freeze(*, grant_id: int, reason: str, by: str, at: datetime) -> None:
    _move(lock(grant_id), "freeze", reason=reason, by=by, at=at)


def unfreeze(*, grant_id: int, reason: str, by: str, at: datetime) -> None:
    _move(lock(grant_id), "unfreeze", reason=reason, by=by, at=at)


def expire(*, grant_id: int, reason: str, by: str, at: datetime) -> None:
    _move(lock(grant_id), "expire", reason=reason, by=by, at=at)


def close(*, grant_id: int, reason: str, by: str, at: datetime) -> None:
    _move(lock(grant_id), "close", reason=reason, by=by, at=at)


def _move(grant: Grant, transition: str, *, reason: str, by: str, at: datetime) -> None:
    from django_fsm import can_proceed

    if not can_proceed(getattr(grant, transition)):
        raise GrantNotUsable(f"The grant is {grant.status}.", state=grant.status)
    source = grant.status
    getattr(grant, transition)()
    grant.save()
    events.record(subject=grant, source=source, actor=by, at=at, reason=reason)
    acts.record(
        by=by,
        act=f"{transition}_grant",
        subject=f"grant:{grant.pk}",
        reason=reason,
        at=at,
        permission="lending.change_grant",
    )


def check_can_draw(grant: Grant, amount_cents: int, at: datetime) -> None:
    """Raises GrantNotUsable: not ACTIVE, run out, above what is free, or a single grant that is drawn already."""
    if grant.status != GrantStatus.ACTIVE:
        raise GrantNotUsable(f"The grant is {grant.status}.", state=grant.status)
    if at >= grant.valid_until:
        raise GrantNotUsable("The offer has run out.", state="EXPIRED")
    if amount_cents > grant.free_cents:
        raise GrantNotUsable("More than is free.", free_cents=grant.free_cents)
    if grant.product.kind == ProductKind.SINGLE and grant.used_cents + grant.pending_cents:
        raise GrantNotUsable("This loan is paid out in one drawdown.", free_cents=0)


def restores(product: Product) -> bool:
    """Whether repaid principal may be drawn again."""
    return product.kind == ProductKind.LINE
