"""Applicants for a benchmark, each through the services that a borrower's pages call, up to a waiting assessment."""

import re
from datetime import date, datetime, timedelta

from django.apps import apps
from django.db import transaction
from stdnum.cn import ric

from lending.services import applications
from risk import services as risk
from users import queries as users
from users.services import accounts, checks, codes, consents, contacts, operator, profiles
from users.services.contacts import NewContact

Authorisation, Check, Message = (
    apps.get_model("users", name) for name in ("OperatorAuthorisation", "Check", "Message")
)
CONSENTS = ("service", "privacy", "identity", "credit_query", "bureau_query", "operator", "bankflow")
BORN = date(1980, 1, 1)


def assessments(count: int, *, at: datetime) -> list[int]:
    """Ids of so many assessments that wait; their borrowers have consented to every source and authorised it."""
    return [_assessment(number, at) for number in range(count)]


@transaction.atomic
def _assessment(number: int, at: datetime) -> int:
    user_id = accounts.ensure_user(phone=f"138{number:08d}", at=at)
    head = f"110105{BORN + timedelta(days=number // 999):%Y%m%d}{number % 999 + 1:03d}"
    profiles.save(
        user_id=user_id,
        by=f"user:{user_id}",
        at=at,
        name="王建国",
        id_number=head + ric.calc_check_digit(head + "0"),
        id_expires_on=at.date().replace(day=1, year=at.year + 10),
        province="ZJ",
        city="杭州",
        employment="4_7y",
        employer="杭州木器厂",
        job="skilled",
        net_income_cents=1_200_000,
        instalments_elsewhere_cents=0,
    )
    spouse = NewContact("spouse", "李梅", f"137{number:08d}")
    contacts.replace(user_id=user_id, contacts=[spouse], at=at)
    for code in CONSENTS:
        _consent(user_id, code, at)
    _authorised(user_id, at)
    check = Check.objects.get(pk=checks.request(user_id=user_id, kind="id2", at=at))
    check.passed()
    check.checked_at = at
    check.save()
    by = f"user:{user_id}"
    application_id = applications.start(user_id=user_id, product_code="LINE", channel_code="OWN", by=by, at=at)
    asked = {"amount_cents": 1_000_000, "months": 12, "method": "equal_instalment", "purpose": "education"}
    applications.submit(application_id=application_id, by=by, at=at, **asked)  # type: ignore[arg-type]
    return risk.start_assessment(application_id=application_id, at=at)


def _authorised(user_id: int, at: datetime) -> None:
    """As the phone operator would have it; nobody is asked here."""
    row = Authorisation.objects.get(pk=operator.start(user_id=user_id, at=at))
    row.code_sent()
    row.authorised()
    row.token, row.authorised_at, row.valid_until = "op-bench", at, at + timedelta(days=90)
    row.save()


def _consent(user_id: int, code: str, at: datetime) -> None:
    document, otp = users.document(code, at), None
    assert document is not None, code  # noqa: S101  shipped
    if document.accepted_by == "otp":
        codes.request_code_for(user_id=user_id, purpose="consent", subject=code, ip=None, at=at)
        found = re.search(r"\b\d{6}\b", Message.objects.latest("pk").text)
        otp = found.group() if found else None
    consents.give(user_id=user_id, code=code, version=document.version, recipients=(), ip="127.0.0.1", otp=otp, at=at)
