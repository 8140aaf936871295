"""Who calls: a signed request is let in once, or refused by name before anything is done."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from django.db import connection

from lending.common import crypto, prepared, signed
from lending.common.errors import Forbidden, TooManyRequests
from lending.common.signed import Signed
from traffic.models import ChannelKey, PartnerCall
from traffic.rules import flows

KEPT = timedelta(days=30)
USED_AT_STEPS = timedelta(minutes=10)  # "last used" need not be written with every call


class AddressNotAllowed(Forbidden):
    code, title = "address_not_allowed", "This address may not call"


class NotInYourFlow(Forbidden):
    code, title = "not_in_your_flow", "This operation is not part of what was agreed with you"


class RateLimited(TooManyRequests):
    code, title = "rate_limited", "Too many requests in a minute"


@dataclass(frozen=True, slots=True)
class Caller:
    channel_code: str
    call_id: int
    is_authenticated: bool = True  # as the web framework asks of whoever calls

    @property
    def by(self) -> str:
        return f"channel:{self.channel_code}"


@dataclass(frozen=True, slots=True)
class Door:
    """A channel that has signed. `precheck`: how it asks; "" where nothing was agreed, or it has no key to hash by."""

    channel_code: str
    rate_per_minute: int
    products: tuple[str, ...]
    precheck: str
    precheck_stopped_at: datetime | None
    precheck_counted_from: datetime | None


OPEN = """
SELECT c.code, c.flow, c.ip_allow, c.rate_per_minute, c.products,
    CASE WHEN c.precheck_key IS NULL THEN '' ELSE c.precheck END, c.precheck_stopped_at, c.precheck_counted_from,
    k.id, k.secret, k.last_used_at
FROM traffic_channel c JOIN traffic_channelkey k ON k.channel_id = c.code
WHERE c.app_id = %(app_id)s::text AND (k.valid_to IS NULL OR k.valid_to > %(at)s::timestamptz) ORDER BY k.id DESC
"""
_secret = lru_cache(maxsize=1024)(crypto.decrypt)


def open_to(*, request: Signed, address: str, operation: str, now: float, at: datetime) -> Door:
    """Who signed may ask this; whether once only, is found out by whoever keeps the call.

    Raises TimestampOutside, UnknownApp, SignatureMismatch, AddressNotAllowed, NotInYourFlow.
    """
    signed.check_time(request, now=now)
    with connection.cursor() as cursor:
        prepared.execute(cursor, OPEN, {"app_id": request.app_id, "at": at}, planner=["enable_hashjoin = off"])
        rows = cursor.fetchall()
    if not rows:
        raise signed.UnknownApp()
    place = signed.matching(request, [_secret(bytes(row[-2])) for row in rows])
    if place is None:
        raise signed.SignatureMismatch("See the worked example in the guide.")
    code, flow, ip_allow, rate, products, *precheck, key_id, _, used_at = rows[place]
    if not flows.is_allowed(address, ip_allow):
        raise AddressNotAllowed(f"{address} is not on your list.", address=address)
    if not flows.may(flow, operation):
        raise NotInYourFlow(flow=flow, operation=operation)
    if used_at is None or used_at < at - USED_AT_STEPS:
        ChannelKey.objects.filter(pk=key_id).update(last_used_at=at)
    return Door(code, rate, tuple(products), *precheck)


def admit(*, request: Signed, address: str, operation: str, now: float, at: datetime) -> Caller:
    """Let a request in, at most once. `now`: true unix seconds; `at`: the platform's time, by which keys end.

    The nonce is a row of this database: a memory that can be lost would let a second one in. Raises TimestampOutside,
    UnknownApp, SignatureMismatch, AddressNotAllowed, NotInYourFlow, RateLimited, NonceUsed.
    """
    door = open_to(request=request, address=address, operation=operation, now=now, at=at)
    said = window(door, now) | {"nonce": request.nonce, "operation": operation}
    with connection.cursor() as cursor:
        prepared.execute(cursor, ONCE, said)
        call_id, calls, first = cursor.fetchone()
    check_kept(door, call_id, calls, first, now)
    return Caller(door.channel_code, call_id)


# The minute's calls are counted and the nonce is kept in one statement.
ONCE = """
WITH recent AS (
  SELECT count(*) AS calls, min(at) AS first FROM traffic_partnercall
  WHERE channel_id = %(channel)s::text AND at > %(since)s::timestamptz
), kept AS (
  INSERT INTO traffic_partnercall (channel_id, nonce, operation, at, code)
  SELECT %(channel)s, %(nonce)s::text, %(operation)s::text, %(at)s::timestamptz, '' FROM recent
  WHERE calls < %(limit)s::integer
  ON CONFLICT (channel_id, nonce) DO NOTHING RETURNING id
)
SELECT (SELECT id FROM kept), calls, first FROM recent
"""


def window(door: Door, now: float) -> dict[str, str | int | datetime]:
    """The minute before a call, for the statement that keeps it."""
    at = datetime.fromtimestamp(now, UTC)
    since = at - timedelta(minutes=1)
    return {"channel": door.channel_code, "at": at, "since": since, "limit": door.rate_per_minute}


def check_kept(door: Door, call_id: int | None, calls: int, first: datetime, now: float) -> None:
    """Raises RateLimited, NonceUsed where the call was not kept."""
    if call_id is not None:
        return
    if calls >= door.rate_per_minute:
        wait = first.timestamp() + 60 - now
        raise RateLimited(f"At most {door.rate_per_minute} a minute.", retry_after=max(1, round(wait)))
    raise signed.NonceUsed()


# One statement, whose commit does not wait for the disk: what a crash may lose is how the last calls ended, no nonce.
ENDED = """
WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true))
UPDATE traffic_partnercall SET status = %(status)s, code = %(code)s, verdict = %(verdict)s, ms = %(ms)s
FROM unhurried WHERE id = %(id)s
"""


def answered(*, call_id: int, status: int, code: str, ms: int, verdict: str = "") -> None:
    """How a call ended, for the console. `verdict`: one word for what a good answer came to."""
    said: dict[str, int | str] = {"id": call_id, "status": status, "code": code[:60], "verdict": verdict[:24], "ms": ms}
    with connection.cursor() as cursor:
        cursor.execute(ENDED, said)


def forget_calls(*, now: float) -> int:
    """Delete what is older than 30 days; a nonce is of no use after ten minutes. How many."""
    old = datetime.fromtimestamp(now, UTC) - KEPT
    return PartnerCall.objects.filter(at__lt=old).delete()[0]
