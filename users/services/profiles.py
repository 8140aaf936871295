"""What borrowers declare about themselves."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from lending.common import bulk, text
from lending.common.compiled import compiled
from lending.common.crypto import blind_index
from lending.common.errors import Conflict, Invalid
from users import queries
from users.models import Check, CheckState, Employment, Profile, Province
from users.rules import identity
from users.services import accounts

IDENTITY = ("name", "id_number")
MONEY = ("net_income_cents", "instalments_elsewhere_cents")
TEXTS = ("name", "city", "address", "employer", "job")
PLACE_AND_WORK = ("province", "city", "address", "employment", "employer", "job")
COLUMNS = frozenset((*IDENTITY, "id_expires_on", *PLACE_AND_WORK, *MONEY, "declared"))
CHOICES = {"province": Province.values, "employment": Employment.values}


class IdNumberInUse(Conflict):
    code, title = "id_number_in_use", "This ID number belongs to another account"


class CheckUnderWay(Conflict):
    code, title = "check_under_way", "Name and ID number are being checked right now"


class IdentityConfirmed(Conflict):
    code, title = "identity_confirmed", "Name and ID number were confirmed and can no longer be changed here"


class ExpiryRead(Conflict):
    code, title = "expiry_read", "The date was read from your ID card: add pictures of the new card instead"


def save(*, user_id: int, by: str, at: datetime, **fields: Any) -> None:
    """Set the given details, leave the others. `declared` is merged key by key. Money in cents a month.

    Raises InvalidIdNumber, Invalid (unknown field, choice or amount), UnusableText, IdNumberInUse, CheckUnderWay,
    IdentityConfirmed, ExpiryRead.
    """
    if unknown := fields.keys() - COLUMNS:
        raise Invalid(fields=dict.fromkeys(sorted(unknown), "Unknown field."))
    _check_values(fields)
    text.check_lines({name: fields.get(name) for name in TEXTS})
    text.check_printed({"name": fields.get("name")})
    accounts.lock(user_id)
    profile = next(iter(_profiles(user_id=user_id)), Profile(user_id=user_id))
    if fields.get("id_number"):
        fields["id_number"] = identity.id_number(fields["id_number"])
    if fields.get("name"):
        fields["name"] = " ".join(fields["name"].split())
    is_new = profile.pk is None
    changed = set() if is_new else {key for key in IDENTITY if key in fields and fields[key] != getattr(profile, key)}
    if changed and Check.objects.filter(user_id=user_id, state=CheckState.PENDING).exists():
        raise CheckUnderWay()
    result = queries.identity_result(user_id, at) if changed else None
    if result is not None and result.state == "passed":
        raise IdentityConfirmed(fields=dict.fromkeys(sorted(changed), "Already confirmed."))
    if changed:
        profile.expiry_check = None  # what was read is another person's now
    expiry = fields.get("id_expires_on", profile.id_expires_on)
    if profile.expiry_check_id is not None and expiry != profile.id_expires_on:
        raise ExpiryRead()
    profile.declared = (profile.declared or {}) | fields.pop("declared", {})
    for name, value in fields.items():
        setattr(profile, name, value)
    profile.id_index = blind_index(profile.id_number, "id_number") if profile.id_number else None
    address = identity.address_key(profile.province, profile.city, profile.address or "")
    profile.address_index = blind_index(address, "address") if address else ""
    profile.updated_at, profile.updated_by = at, by
    if is_new:
        if not bulk.insert_new(profile):
            raise _in_use()
        return
    try:
        with transaction.atomic():
            profile.save()
    except IntegrityError as error:
        if "id_index" not in str(error):
            raise
        raise _in_use() from error


@compiled
def _profiles(user_id: int) -> QuerySet[Profile]:
    return Profile.objects.filter(user_id=user_id)


def _in_use() -> IdNumberInUse:
    return IdNumberInUse(fields={"id_number": "Belongs to another account."})


def _check_values(fields: dict[str, Any]) -> None:
    wrong = {
        name: "Not one of the choices."
        for name, choices in CHOICES.items()
        if fields.get(name) and fields[name] not in choices
    }
    wrong |= {name: "Not negative." for name in MONEY if fields.get(name) is not None and fields[name] < 0}
    if wrong:
        raise Invalid(fields=wrong)
