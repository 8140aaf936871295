"""Applications that channels bring (进件), and what channels do with their own: cancel, supplements."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from lending.common import bulk, clock, prepared
from lending.common.compiled import compiled
from lending.common.errors import Conflict, DomainError, Invalid, TooManyRequests
from lending.services import applications, supplements
from traffic import queries
from traffic.models import Channel, ChannelOrder, Touch, TouchKind
from traffic.rules import fieldmap
from users import queries as users
from users.models import Profile
from users.services import accounts, contacts, profiles
from users.services.contacts import NewContact
from users.services.profiles import IdNumberInUse

METHOD, PURPOSE = "equal_instalment", "consumer"  # where the channel has no word for it


class OrderIdUsed(Conflict):
    code, title = "order_id_used", "This order id was used for another application"


class BorrowerRefused(Conflict):
    code, title = "borrower_refused", "This borrower cannot apply"


class DayQuotaUsed(TooManyRequests):
    code, title = "day_quota_used", "Today's quota is used up"


def receive_application(*, channel_code: str, body: Any, at: datetime) -> tuple[int, bool]:
    """Open the draft of an order; the application's id, and whether it is new. The same order again is the same.

    Details of the person are taken where we have none yet: a channel changes nothing that a borrower told us. Raises
    BadFields and Invalid (fields by the channel's names), OrderIdUsed, BorrowerRefused, OpenApplicationExists,
    CoolingOff, ProductClosed, DayQuotaUsed.
    """
    [channel] = _channels(code=channel_code)
    asked = fieldmap.read(channel.field_map, body)
    order_id = asked["order_id"]
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    if found := _known(channel, order_id, digest):
        return found, False
    with _in_its_words(channel):
        if asked["product"] not in channel.products:
            raise Invalid("Not one of your products.", fields={"product": "one of " + ", ".join(channel.products)})
        user_id, is_new = accounts.open_account(phone=asked["phone"], at=at)
        if not (is_new or users.account(user_id).is_active):
            raise BorrowerRefused()
        taken = _take_details(user_id, is_new, asked, by=f"channel:{channel_code}", at=at)
        application_id = _start(user_id, channel, asked, at)
    order = ChannelOrder(
        channel=channel,
        external_id=order_id,
        application_id=application_id,
        request_sha256=digest,
        details_taken=taken,
        received_at=at,
    )
    bulk.insert_rows([order])
    bulk.insert_rows([Touch(user_id=user_id, channel=channel, kind=TouchKind.INTAKE, at=at)])
    count_of_day(channel, clock.business_date(at), at)  # last: it makes the channel's other intakes wait
    return application_id, True


@compiled
def _channels(code: str) -> QuerySet[Channel]:
    return Channel.objects.filter(party_id=code)


KNOWN = """
SELECT application_id, request_sha256 FROM traffic_channelorder
WHERE channel_id = %(channel)s::text AND external_id = %(order)s::text
"""


def _known(channel: Channel, order_id: str, digest: str) -> int | None:
    """The order's application. The second of two at the same moment waits here for the first to commit."""
    with connection.cursor() as cursor:
        said = {"channel": channel.pk, "order": order_id}
        prepared.execute(cursor, KNOWN, said, lock=f"order:{channel.pk}:{order_id}")
        found = cursor.fetchone()
    if found is None:
        return None
    if found[1] != digest:
        raise OrderIdUsed("The first request with it said something else.", order_id=order_id)
    return int(found[0])


@contextmanager
def _in_its_words(channel: Channel) -> Iterator[None]:
    """Errors name fields as the channel does, and tell nothing of other channels' applications."""
    try:
        yield
    except DomainError as error:
        if error.data.get("fields"):
            error.data["fields"] = fieldmap.outward(channel.field_map, error.data["fields"])
        error.data.pop("application_id", None)
        raise


def _take_details(user_id: int, is_new: bool, asked: Mapping[str, Any], *, by: str, at: datetime) -> bool:
    """False where there was something already, which stays, or where the ID number is another account's. What only
    this channel has said so far, it may say again: it is how what was missing is brought."""
    details = {name: asked[name] for name in fieldmap.DETAILS if name in asked}
    person = None if is_new else users.person(user_id)
    if person and _is_told(person) and not Profile.objects.filter(user_id=user_id, updated_by=by).exists():
        return False
    try:
        if details:
            profiles.save(user_id=user_id, by=by, at=at, **details)
    except IdNumberInUse:  # whose it is, is none of the channel's business
        return False
    if asked.get("contacts") and not (person and person.contacts):
        contacts.replace(user_id=user_id, contacts=[NewContact(**one) for one in asked["contacts"]], at=at)
    return bool(details)


def _is_told(person: users.Person) -> bool:
    return bool(person.name or person.id_number or person.province or person.net_income_cents is not None)


def _start(user_id: int, channel: Channel, asked: Mapping[str, Any], at: datetime) -> int:
    return applications.start(
        user_id=user_id,
        product_code=asked["product"],
        channel_code=str(channel.pk),
        by=f"channel:{channel.pk}",
        at=at,
        amount_cents=asked["amount_cents"],
        months=asked["months"],
        method=asked.get("method", METHOD),
        purpose=asked.get("purpose", PURPOSE),
    )


COUNT = """
INSERT INTO traffic_channelday (channel_id, date, used) VALUES (%(channel)s, %(date)s, 1)
ON CONFLICT (channel_id, date) DO UPDATE SET used = traffic_channelday.used + 1
WHERE traffic_channelday.used < %(quota)s RETURNING used
"""


def count_of_day(channel: Channel, day: date, at: datetime) -> None:
    """One more of the channel's day. Raises DayQuotaUsed."""
    quota = channel.day_quota
    with connection.cursor() as cursor:
        said = {"channel": channel.pk, "date": day, "quota": 2**31 - 1 if quota is None else quota}
        cursor.execute(COUNT, said)
        counted = cursor.fetchone()
    if counted is None or (quota is not None and counted[0] > quota):
        wait = max(1, round((clock.end_of(day) - at).total_seconds()))
        raise DayQuotaUsed(f"{quota} a day.", retry_after=wait)


def cancel_application(*, channel_code: str, public_id: UUID, at: datetime) -> None:
    """Withdraw one of the channel's own that is not decided yet. Raises NotFound, WrongState."""
    application = queries.application_of(channel_code, public_id)
    applications.withdraw(application_id=application.id, by=f"channel:{channel_code}", at=at)


def answer_supplements(
    *, channel_code: str, public_id: UUID, texts: Mapping[str, str], files: Mapping[str, bytes], at: datetime
) -> None:
    """Bring what is asked for. Raises NotFound, and what `lending.services.supplements.answer` raises."""
    application = queries.application_of(channel_code, public_id)
    supplements.answer(application_id=application.id, texts=texts, files=files, by=f"channel:{channel_code}", at=at)
