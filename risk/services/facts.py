"""What is known about a subject before anybody is asked: variables from our own records, by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from lending import queries as lending
from lending.queries import ApplicationView, DrawdownView
from lending.services.gates import purpose_category
from risk.models import Assessment, AssessmentKind, Segment
from risk.providers.base import Subject
from risk.rules.catalogue import value_at
from risk.services import exemptions, velocity
from risk.services.register import Catalogue
from users import queries as users
from users.queries import CheckResult, ConsentView, Person

LISTED = {"listed_phone": "phone", "listed_id": "id_number", "listed_device": "device", "listed_card": "card"}


@dataclass(frozen=True)
class Known:
    """What is known before anybody is asked: `values` of the variables that need no pull, None is unknown.

    `application`: None for the check of a drawdown.
    """

    values: dict[str, Any]
    subject: Subject
    product_code: str
    channel_code: str
    checks_cents: int
    application: ApplicationView | None


def known(assessment: Assessment, catalogue: Catalogue, consents: Sequence[ConsentView], at: datetime) -> Known:
    """`consents`: the borrower's live ones."""
    application = None
    person = users.person(assessment.user_id)
    identity = users.identity_result(assessment.user_id, at, declared=person)
    shared = _shared(assessment, identity, catalogue, consents, at)
    if assessment.kind == AssessmentKind.DRAWDOWN:
        drawdown = lending.drawdown(assessment.drawdown_id or 0)
        check = users.card_check(drawdown.card_id)
        values = shared | _drawdown(assessment, drawdown, check, at)
        product_code, channel_code = drawdown.product_code, drawdown.channel_code
    else:
        application, check = lending.application(assessment.application_id), identity
        values = shared | _application(assessment, application, person, at)
        product_code, channel_code = application.product_code, application.channel_code
    may_be_named = any(consent.code == "device" for consent in consents)
    subject = _subject(person, users.known_device(assessment.user_id, at) if may_be_named else "")
    checks_cents = check.price_cents if check else 0
    return Known(values, subject, product_code, channel_code, checks_cents, application)


def _subject(person: Person, device_id: str) -> Subject:
    return Subject(person.name, person.id_number, person.phone, person.birth_date, device_id)


def _application(assessment: Assessment, application: ApplicationView, person: Person, at: datetime) -> dict[str, Any]:
    product = lending.product(application.product_code)
    history = lending.history(assessment.user_id, at, without_application=application.id)
    birth, expires = person.birth_date, person.id_expires_on
    today = assessment.as_of_date
    return {
        "product": application.product_code,
        "method": application.method,
        "purpose": application.purpose_category,
        "amount_cents": application.amount_cents,
        "months": application.months,
        "product_min_cents": product.amount_min_cents,
        "product_max_cents": product.amount_max_cents,
        "product_step_cents": product.step_cents,
        "product_terms": list(product.terms_months),
        "open_applications": history.open_applications,
        "open_loans": history.open_loans,
        "worst_days_late_here": history.max_dpd_ever,
        "age_years": full_years(birth, today) if birth else None,
        "id_expired": expires < today if expires else None,
        "province": person.province or None,
        "declared_income_cents": person.net_income_cents,
        "declared_instalments_cents": person.instalments_elsewhere_cents,
        "level": person.level.code or None,
        "level_limit_percent": int(person.level.limit_factor * 100),
        "level_price_delta_bp": int(person.level.price_delta * Decimal(10_000)),
    }


def _drawdown(assessment: Assessment, drawdown: DrawdownView, card: CheckResult | None, at: datetime) -> dict[str, Any]:
    history = lending.history(assessment.user_id, at)
    return {
        "product": drawdown.product_code,
        "purpose": purpose_category(drawdown.purpose),
        "amount_cents": drawdown.amount_cents,
        "months": drawdown.months,
        "open_loans": history.open_loans,
        "worst_days_late_here": history.max_dpd_ever,
        "card_state": card.state if card else None,
        "level": users.level(assessment.user_id).code or None,
    }


def _shared(
    assessment: Assessment,
    identity: CheckResult | None,
    catalogue: Catalogue,
    consents: Sequence[ConsentView],
    at: datetime,
) -> dict[str, Any]:
    hits = users.list_hits(assessment.user_id, at)
    kinds = {hit.kind for hit in hits}
    return {
        "as_of": assessment.as_of_date.isoformat(),
        "identity_state": identity.state if identity else None,
        "black_listed": "black" in kinds,
        "grey_listed": "grey" in kinds,
        "white_listed": "white" in kinds,
        **{name: sorted({hit.kind for hit in hits if hit.subject == subject}) for name, subject in LISTED.items()},
        "tags": list(users.live_tags(assessment.user_id, at)),
        "exempt_rules": exemptions.rules_of(assessment.user_id, assessment.as_of_date),
        "earlier_reasons": [],
        "earlier_tags": [],
        **velocity.counts(user_id=assessment.user_id, asked=catalogue.velocities, at=at),
        **_self_collected(assessment.user_id, catalogue, consents, at),
    }


def _self_collected(
    user_id: int, catalogue: Catalogue, consents: Sequence[ConsentView], at: datetime
) -> dict[str, Any]:
    """What was counted in the data of the borrower's phone; unknown where it was refused or is not collected."""
    found = users.collection(user_id, at, consented=consents)
    features = {kind: each.features for kind, each in found.items()}
    return {spec.name: value_at(spec, features) for spec in catalogue.collected}


def segment(user_id: int, at: datetime) -> str:
    """Returning: somebody whom we ever paid out a loan that was not given back at once."""
    history = lending.history(user_id, at)
    return Segment.RETURNING if history.open_loans + history.settled_loans else Segment.NEW


def full_years(birth: date, on: date) -> int:
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))
