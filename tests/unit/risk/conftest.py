"""What risk's tests share: the loaded configuration, and people of the sample who have applied."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import transaction

from lending.sandbox.applicants import applicant
from risk.models import Assessment
from risk.services import start_assessment
from tests.conftest import Clock
from tests.factories.applications import submitted
from tests.factories.borrowers import borrower, consent, operator_authorised
from tests.factories.configuration import configure

OPTIONAL = ("operator", "bankflow")
Apply = Callable[..., int]


@pytest.fixture
def at(clock: Clock) -> datetime:
    return clock.at


@pytest.fixture
def configured(db: None, at: datetime) -> None:
    with transaction.atomic():
        configure(at, ("lending", "users", "risk"))


@pytest.fixture
def apply(configured: None, at: datetime) -> Apply:
    """Bring a row of the sample to ASSESSING, all consents given; returns the assessment's id.

    `without`: consents not given; "authorisation": that of the phone operator. `details`: of the profile; `asked`: of
    the application.
    """

    @transaction.atomic
    def start(row: int, *, without: tuple[str, ...] = (), details: dict[str, Any] | None = None, **asked: Any) -> int:
        person = applicant(row, batch=1, today=at.date())
        wish = person.wish
        declared = {
            "name": person.name,
            "phone": person.phone,
            "id_number": person.id_number,
            "province": person.province,
            "net_income_cents": wish.net_income_cents,
            "instalments_elsewhere_cents": wish.instalments_elsewhere_cents,
        }
        user_id = borrower(at, **(declared | (details or {})))
        for code in OPTIONAL:
            if code not in without:
                consent(user_id, code, at)
        if not {"operator", "authorisation"} & set(without):
            operator_authorised(user_id, at)
        wanted = {
            "product_code": wish.product,
            "amount_cents": wish.amount_cents,
            "months": wish.months,
            "purpose": wish.purpose,
        }
        application_id = submitted(at, user_id=user_id, **(wanted | asked))
        return start_assessment(application_id=application_id, at=at)

    return start


def assessment(assessment_id: int) -> Assessment:
    return Assessment.objects.select_related("application").get(pk=assessment_id)
