"""Every write to an application (授信): start, submit, verdicts, appeal, withdrawal, expiry."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import F, Q, QuerySet

from lending.common import bulk, clock, text
from lending.common.compiled import compiled
from lending.common.errors import Conflict, Invalid, NotFound
from lending.models import Application, ApplicationStatus, Grade, Product, Reason, Supplement
from lending.models.application import OPEN_STATUSES
from lending.rules import offer
from lending.rules.terms import Terms
from lending.services import events, gates
from users import queries as users
from users.services import messages

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
APPEAL_DAYS = 30
CONSENTS_BEFORE_SUBMIT = ("identity", "credit_query", "bureau_query")


class OpenApplicationExists(Conflict):
    code, title = "open_application_exists", "An application for this kind of loan is already open"


class CoolingOff(Conflict):
    code, title = "cooling_off", "It is too early to apply again"


class ProductClosed(Conflict):
    code, title = "product_closed", "This product is not offered at the moment"


class ProfileIncomplete(Conflict):
    code, title = "profile_incomplete", "Some details are still missing"


class ConsentMissing(Conflict):
    code, title = "consent_missing", "A consent is still missing"


class IdentityNotChecked(Conflict):
    code, title = "identity_not_checked", "Your identity has not been checked yet"


class UnknownReason(Invalid):
    code, title = "unknown_reason", "There is no such reason"


class OverOffer(Invalid):
    code, title = "over_offer", "More than was asked or offered"


class PriceChanged(Invalid):
    code, title = "price_changed", "A reviewer never changes the price"


class AppealClosed(Conflict):
    code, title = "appeal_closed", "This decision can no longer be appealed"


class WrongState(Conflict):
    code, title = "wrong_state", "The present state does not allow this"


def lock(application_id: int) -> Application:
    for application in _locked(application_id=application_id):
        return application
    raise NotFound("There is no such application.")


@compiled
def _locked(application_id: int) -> QuerySet[Application]:
    return Application.objects.select_for_update(of=("self",)).select_related("product").filter(pk=application_id)


def check_can(application: Application, transition: str) -> None:
    """Raise WrongState unless the state machine allows `transition` now."""
    if not _can(application, transition):
        raise WrongState(f"The application is {application.status}.", state=application.status)


def _can(application: Application, transition: str) -> bool:
    from django_fsm import can_proceed

    return bool(can_proceed(getattr(application, transition)))


def start(
    *,
    user_id: int,
    product_code: str,
    channel_code: str,
    by: str,
    at: datetime,
    amount_cents: int | None = None,
    months: int | None = None,
    method: str = "",
    purpose: str = "",
) -> int:
    """Open a draft, with what it will ask for where that is known (all four, as for `plan`).

    Raises ProductClosed, OpenApplicationExists, CoolingOff, Invalid (fields).
    """
    _accounts(user_id=user_id)  # two starts of one borrower take turns
    product = next(iter(_offered(code=product_code)), None)
    if product is None:
        raise ProductClosed(f"{product_code} is not offered at the moment.")
    for earlier in _in_the_way(user_id=user_id, family=product.family, at=at):
        if earlier.status in OPEN_STATUSES:
            raise OpenApplicationExists("Finish or cancel it first.", application_id=str(earlier.public_id))
        raise CoolingOff("See `reapply_at` for when.", reapply_at=_iso(earlier.reapply_at))
    application = Application(
        user_id=user_id, product=product, product_family=product.family, channel_code=channel_code, created_at=at
    )
    if amount_cents is not None:
        _set_asked(application, amount_cents, months or 0, method, purpose)
    bulk.insert_rows([application])
    events.record(subject=application, source="", actor=by, at=at)
    return application.pk


@compiled
def _accounts(user_id: int) -> QuerySet[Any]:
    return get_user_model().objects.select_for_update(no_key=True).filter(pk=user_id)


@compiled
def _offered(code: str) -> QuerySet[Product]:
    return Product.objects.filter(code=code, active=True)


@compiled
def _in_the_way(user_id: int, family: str, at: datetime) -> QuerySet[Application]:
    """Those that are open, then refusals that still hold, the longest first."""
    holds = Q(status=ApplicationStatus.DECLINED, reapply_at__gt=at)
    rows = Application.objects.filter(holds | Q(status__in=OPEN_STATUSES), user_id=user_id, product_family=family)
    return rows.order_by(F("reapply_at").desc(nulls_first=True))


def plan(*, application_id: int, amount_cents: int, months: int, method: str, purpose: str) -> None:
    """What a draft will ask for, kept so that it can be finished at another time or on another device.

    Raises Invalid (fields), WrongState.
    """
    application = lock(application_id)
    check_can(application, "submit")
    _set_asked(application, amount_cents, months, method, purpose)
    application.save(update_fields=["asked_cents", "asked_months", "method", "purpose"])


def _set_asked(application: Application, amount_cents: int, months: int, method: str, purpose: str) -> None:
    gates.check_asked(product=application.product, amount_cents=amount_cents, months=months, method=method)
    gates.check_purpose(purpose)
    application.asked_cents, application.asked_months = amount_cents, months
    application.method, application.purpose = method, purpose


def ask_other(application: Application, *, amount_cents: int) -> None:
    """Another amount, on a locked application whose borrower was asked for it. Raises Invalid (fields)."""
    gates.check_asked(
        product=application.product,
        amount_cents=amount_cents,
        months=application.asked_months or 0,
        method=application.method,
    )
    application.asked_cents = amount_cents
    application.save(update_fields=["asked_cents"])


def _iso(at: datetime | None) -> str | None:
    return None if at is None or at.year == NEVER.year else at.isoformat()


def submit(
    *, application_id: int, amount_cents: int, months: int, method: str, purpose: str, by: str, at: datetime
) -> None:
    """DRAFT → SUBMITTED. Raises Invalid (fields), ProfileIncomplete, ConsentMissing, IdentityNotChecked, WrongState."""
    application = lock(application_id)
    check_can(application, "submit")
    _set_asked(application, amount_cents, months, method, purpose)
    _check_ready(application.user_id, at)
    application.submitted_at = at
    move(application, "submit", by=by, at=at)


def _check_ready(user_id: int, at: datetime) -> None:
    if missing := users.missing_details(user_id):
        raise ProfileIncomplete("Fill in: " + ", ".join(missing) + ".", missing=list(missing))
    lacking = [code for code in CONSENTS_BEFORE_SUBMIT if users.live_consent(user_id, code, "platform", at) is None]
    if lacking:
        raise ConsentMissing("Read and accept: " + ", ".join(lacking) + ".", missing=lacking)
    if users.identity_result(user_id, at) is None:
        raise IdentityNotChecked("Request the check of your name and ID number first.")


def begin_assessment(*, application_id: int, at: datetime) -> None:
    """SUBMITTED → ASSESSING."""
    application = lock(application_id)
    check_can(application, "assess")
    move(application, "assess", by="system", at=at)


def record_verdict(
    *,
    application_id: int,
    outcome: str,
    terms: Terms | None,
    grade: str,
    reasons: Sequence[str],
    decision_id: int,
    at: datetime,
) -> bool:
    """The machine's verdict: approve, refer or decline. False where it came too late and changed nothing.

    Raises AboveCeiling for an offer that the product does not allow.
    """
    application = lock(application_id)
    if application.status != ApplicationStatus.ASSESSING:
        return False
    application.grade, application.decision_id, application.reasons = grade, decision_id, list(reasons)
    if terms is not None:
        _check_ceiling(application, terms, at)
        application.offered_cents = terms.amount_cents
        _set_terms(application, terms)
    match outcome:
        case "approve":
            application.decided_at = at
            move(application, "award", by="system", at=at)
        case "refer":
            move(application, "refer", by="system", at=at, reason=" ".join(reasons))
        case "decline":
            _close_declined(application, reasons, by="system", at=at)
        case _:
            raise Invalid(f"{outcome!r} is not an outcome.")
    return True


def _set_terms(application: Application, terms: Terms) -> None:
    application.decided_cents, application.decided_months = terms.amount_cents, terms.months
    application.decided_rate = terms.annual_rate


def _check_ceiling(application: Application, terms: Terms, at: datetime) -> None:
    """Raises AboveCeiling: what is offered and what a reviewer approves keep the product's ceiling of that day."""
    cost = offer.quote(
        amount_cents=terms.amount_cents,
        months=terms.months,
        annual_rate=terms.annual_rate,
        method=application.method,
        disbursed_on=clock.business_date(at),
    )
    offer.check_ceiling(cost.xirr, application.product.ceiling_xirr)


def _close_declined(application: Application, reasons: Sequence[str], *, by: str, at: datetime) -> None:
    rows = {row.code: row for row in Reason.objects.filter(code__in=reasons)}
    if unknown := [code for code in reasons if code not in rows]:
        raise UnknownReason(f"Unknown: {', '.join(unknown)}.", unknown=unknown)
    if not reasons:
        raise UnknownReason("A refusal says why.")
    days = [rows[code].reapply_days for code in reasons]
    application.reasons = list(reasons)
    application.reapply_at = NEVER if None in days else at + timedelta(days=max(day or 0 for day in days))
    application.decided_at = application.closed_at = at
    move(application, "decline", by=by, at=at, reason=" ".join(reasons))
    _tell(application, "application_declined", at)


def _tell(application: Application, template: str, at: datetime) -> None:
    key = f"{template}-{application.pk}-{application.appeals}"
    messages.queue(user_id=application.user_id, template=template, params={}, key=key, at=at)


def _check_referred(application: Application) -> None:
    """The machine, too, grants and declines; a person only what was referred."""
    if application.status != ApplicationStatus.REFERRED:
        raise WrongState(f"The application is {application.status}.", state=application.status)


def approve(*, application_id: int, terms: Terms, reasons: Sequence[str], by: str, at: datetime) -> None:
    """REFERRED → GRANTED by a person. The machine's decision stays as it was; price and ceiling of amount hold."""
    application = lock(application_id)
    _check_referred(application)
    most = min(application.offered_cents or 0, application.asked_cents or 0)
    if not 0 < terms.amount_cents <= most:
        raise OverOffer(f"At most {most} cents.", maximum_cents=most)
    if terms.annual_rate != application.decided_rate:
        raise PriceChanged()
    if terms.months > (application.asked_months or 0) or terms.months not in application.product.terms_months:
        raise Invalid("The term may be lowered to one the product has.", fields={"months": "not an allowed term"})
    _check_ceiling(application, terms, at)
    _set_terms(application, terms)
    application.reasons, application.decided_at = list(reasons), at
    move(application, "award", by=by, at=at, reason=" ".join(reasons))


def decline(*, application_id: int, reasons: Sequence[str], by: str, at: datetime) -> None:
    """REFERRED → DECLINED by a person."""
    application = lock(application_id)
    _check_referred(application)
    _close_declined(application, reasons, by=by, at=at)


def terms_of(application: Application) -> Terms:
    """What was decided. Raises WrongState before a verdict."""
    if not application.decided_cents or not application.decided_months or application.decided_rate is None:
        raise WrongState("Nothing is decided yet.", state=application.status)
    return Terms(application.decided_cents, application.decided_months, application.decided_rate, application.method)


def check_can_appeal(application: Application, at: datetime) -> None:
    """Raises AppealClosed, OpenApplicationExists."""
    decided = application.decided_at
    if application.status != ApplicationStatus.DECLINED or application.appeals or decided is None:
        raise AppealClosed("Only a refusal can be appealed, and only once.")
    if at > decided + timedelta(days=APPEAL_DAYS):
        raise AppealClosed(f"An appeal is possible for {APPEAL_DAYS} days.")
    others = Application.objects.filter(user_id=application.user_id, product_family=application.product_family)
    if others.filter(status__in=OPEN_STATUSES).exclude(pk=application.pk).exists():
        raise OpenApplicationExists("Finish or cancel the open one first.")


def appeal(*, application_id: int, reason: str, by: str, at: datetime) -> None:
    """DECLINED → REFERRED: a person looks at it. Once, within 30 days, and not while another application is open.

    The machine offers nothing where it declines; a person may then lend up to the limit of the grade, at its price.
    Without a grade that lends, nobody can approve.

    Raises AppealClosed, UnusableText.
    """
    text.check_words({"reason": reason})
    application = lock(application_id)
    get_user_model().objects.select_for_update(no_key=True).get(pk=application.user_id)
    check_can_appeal(application, at)
    application.appeals += 1
    application.reapply_at = application.closed_at = None
    terms = None if application.offered_cents else _standing_offer(application)
    if terms is not None:
        application.offered_cents = terms.amount_cents
        _set_terms(application, terms)
    move(application, "refer", by=by, at=at, reason=reason[:200] or "appeal")


def _standing_offer(application: Application) -> Terms | None:
    """What was asked for, up to the limit of the grade; None where the grade or what is left lends nothing."""
    product = application.product
    grade = Grade.objects.filter(code=application.grade).exclude(annual_rate=None).first()
    if grade is None or grade.annual_rate is None or not application.asked_cents or not application.asked_months:
        return None
    limits = {"line": grade.limit_line_cents, "single": grade.limit_once_cents}
    limit = grade.limit_biz_cents if product.family == "business" else limits[product.kind]
    level = users.level(application.user_id)
    most = min(application.asked_cents, int(limit * level.limit_factor), product.amount_max_cents)
    most -= most % product.step_cents
    if most < product.amount_min_cents:
        return None
    return Terms(most, application.asked_months, grade.annual_rate + level.price_delta, application.method)


def withdraw(*, application_id: int, by: str, at: datetime) -> None:
    """Any open state → WITHDRAWN."""
    application = lock(application_id)
    check_can(application, "withdraw")
    _close_supplement(application, at)
    application.closed_at = at
    application.reasons = ["B01"]
    move(application, "withdraw", by=by, at=at, reason="B01")


def expire(*, application_id: int, reason: str, at: datetime) -> None:
    """A lifetime ran out: DRAFT, REFERRED or SUPPLEMENT → EXPIRED. `reason` is a reason code."""
    application = lock(application_id)
    check_can(application, "expire")
    _close_supplement(application, at)
    application.closed_at = at
    application.reasons = [reason]
    move(application, "expire", by="system", at=at, reason=reason)
    _tell(application, "application_expired", at)


def _close_supplement(application: Application, at: datetime) -> None:
    Supplement.objects.filter(application=application, answered_at=None, closed_at=None).update(closed_at=at)


def move(application: Application, transition: str, *, by: str, at: datetime, reason: str = "") -> None:
    source = application.status
    getattr(application, transition)()
    bulk.save(application)
    events.record(subject=application, source=source, actor=by, at=at, reason=reason)
