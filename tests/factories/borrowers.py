"""People who may apply: declared, consented, identity checked."""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

from stdnum.cn import ric

from lending.common.clock import business_date
from lending.sandbox.vendors import operator as carriers
from users import queries as users
from users.models import Check, Message, OperatorAuthorisation
from users.services import accounts, checks, codes, consents, contacts, devices, operator, profiles
from users.services.contacts import NewContact

SERIAL: Iterator[int] = count(1)
IP = "127.0.0.1"
NEVER = 4_102_444_800.0  # the sandbox's clock is the real one: a token for tests ends in 2100
CONSENTS = ("service", "privacy", "identity", "credit_query", "bureau_query")


def id_number(serial: int, born: date = date(1990, 6, 15)) -> str:
    """A valid resident ID number; unique for serials under 1000 with one birth date."""
    head = f"110105{born:%Y%m%d}{serial % 1000:03d}"
    return head + ric.calc_check_digit(head + "0")


def phone(serial: int) -> str:
    return f"139{serial % 10**8:08d}"


def borrower(at: datetime, **details: Any) -> int:
    """A borrower who has done everything that comes before an application; the user's id."""
    serial = next(SERIAL)
    user_id = accounts.ensure_user(phone=details.pop("phone", phone(serial)), at=at)
    born = date(1990 + serial // 1000, 6, 15)
    declared = {
        "name": "王建国",
        "id_number": id_number(serial, born),
        "id_expires_on": business_date(at).replace(year=2040),
        "province": "ZJ",
        "city": "杭州",
        "employment": "4_7y",
        "employer": "杭州木器厂",
        "job": "skilled",
        "net_income_cents": 1_200_000,
        "instalments_elsewhere_cents": 0,
    }
    profiles.save(user_id=user_id, by=f"user:{user_id}", at=at, **(declared | details))
    contacts.replace(user_id=user_id, contacts=[NewContact("spouse", "李梅", phone(serial + 50_000_000))], at=at)
    for code in CONSENTS:
        consent(user_id, code, at)
    _pass_identity_check(user_id, at)
    return user_id


def device(user_id: int, at: datetime, fingerprint: str = "d" * 32) -> int:
    """A device seen with the account, under its consent."""
    consent(user_id, "device", at)
    return devices.see(user_id=user_id, fingerprint=fingerprint, platform="android", ip=IP, at=at)


def consent(user_id: int, code: str, at: datetime, recipients: tuple[str, ...] = ()) -> int:
    document = users.document(code, at)
    assert document is not None, code
    otp = one_time_code(user_id, "consent", code, at) if document.accepted_by == "otp" else None
    return consents.give(
        user_id=user_id, code=code, version=document.version, recipients=recipients, ip=IP, otp=otp, at=at
    )


def operator_authorised(user_id: int, at: datetime, days: int = 90) -> int:
    """The consent, and what `operator.run` writes once the carrier has said yes; here nobody is asked."""
    consent(user_id, "operator", at)
    row = OperatorAuthorisation.objects.get(pk=operator.start(user_id=user_id, at=at))
    if row.state == "authorised":
        return row.pk
    row.code_sent()
    row.authorised()
    row.carrier, row.token = "mobile", carriers.token(users.person(user_id).phone, NEVER)
    row.authorised_at, row.valid_until = at, at + timedelta(days=days)
    row.save()
    return row.pk


def one_time_code(user_id: int, purpose: str, subject: str, at: datetime) -> str:
    """Ask for a code and read it where the borrower would: in the message."""
    codes.request_code_for(user_id=user_id, purpose=purpose, subject=subject, ip=IP, at=at)
    text = Message.objects.order_by("-pk").values_list("text", flat=True)[0]
    found = re.search(r"\b\d{6}\b", text)
    assert found, text
    return found.group()


def _pass_identity_check(user_id: int, at: datetime) -> None:
    """What `checks.run_check` writes once the vendor has answered "match"; here nobody is asked."""
    check = Check.objects.get(pk=checks.request(user_id=user_id, kind="id2", at=at))
    check.passed()
    check.checked_at = at
    check.save()
