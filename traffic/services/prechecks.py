"""Prechecks: a class for a hash, at equal cost for whom we know and whom we do not, and a stop for who fishes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, Max, OuterRef

from lending.common import prepared
from lending.common.crypto import blind_index
from lending.common.errors import Conflict, DomainError, NotFound, TooManyRequests
from lending.common.signed import Signed
from traffic.models import Channel, Precheck, PrecheckSubject
from traffic.rules import precheck as rules
from traffic.rules.attribution import Touch
from traffic.services import calls
from traffic.services.calls import Door
from users.models import User
from users.services import acts, notices

KEPT = timedelta(days=30)  # the longest that a channel may have an interest in a borrower
FILL = 500  # borrowers hashed for a channel in one pass
BUCKET = "bucket"  # the channel looks for its answer in it; which one is not known to us
LATE_IDS = 1000  # ids that may be committed after a higher one was hashed


class NoPrecheck(Conflict):
    code, title = "no_precheck", "No way to precheck was agreed with you"


class PrecheckRate(TooManyRequests):
    code, title = "precheck_rate", "Too many prechecks in a minute"


class NothingStopped(Conflict):
    code, title = "nothing_stopped", "The prechecks of this channel are not stopped"


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found: the question, the whole answer, the word of it that is kept, and whether it was of somebody."""

    asked: str
    told: dict[str, Any]
    kept: str
    hit: bool


def precheck(
    *, request: Signed, address: str, body: Callable[[], Any], elapsed: Callable[[], int], now: float, at: datetime
) -> dict[str, Any]:
    """{answer, until} for a whole hash; {matches: [{hash, answer, until}], otherwise} for its first digits.

    Lets the request in and answers it by three statements, each a transaction of its own: no other may be open. The
    last keeps nonce, call and question, and counts; the commit waits for nothing else. `body` reads what was sent,
    `elapsed` says milliseconds since it came. Raises what `calls.admit` raises; and NoPrecheck, BadFields, PrecheckRate
    and what `body` raises, which are kept as calls.
    """
    door = calls.open_to(request=request, address=address, operation="precheck", now=now, at=at)
    try:
        looked = _look(door, body(), at)
    except DomainError as error:
        _keep(door, request.nonce, None, error, ms=elapsed(), now=now, at=at)
        raise
    if not _keep(door, request.nonce, looked, None, ms=elapsed(), now=now, at=at):
        raise PrecheckRate(f"At most {rules.A_MINUTE} a minute.", retry_after=60)
    return looked.told


def _look(door: Door, body: Any, at: datetime) -> Looked:
    if door.precheck not in rules.MODES:
        raise NoPrecheck()
    asked = rules.read(door.precheck, body)
    by_prefix = door.precheck == "prefix8"
    if door.precheck_stopped_at is not None:
        stopped = {"matches": [], "otherwise": rules.TRY_LATER} if by_prefix else _told(rules.Answer(rules.TRY_LATER))
        return Looked(asked, stopped, rules.TRY_LATER, hit=False)
    found = {digest: rules.classify(facts) for digest, facts in _facts(door, asked, at).items()}
    if by_prefix:
        return Looked(asked, _bucket(door.channel_code, asked, found), rules.ELIGIBLE, hit=bool(found))
    one = found.get(asked, rules.Answer(rules.ELIGIBLE))
    return Looked(asked, _told(one), one.answer, hit=bool(found))


def _told(answer: rules.Answer) -> dict[str, Any]:
    return {"answer": answer.answer, "until": answer.until.isoformat().replace("+00:00", "Z") if answer.until else None}


def _bucket(channel_code: str, prefix: str, found: dict[str, rules.Answer]) -> dict[str, Any]:
    """Filled up with hashes of nobody, the same ones each time: how many answers there are tells nothing."""
    for number in range(rules.BUCKET - len(found)):
        noise = blind_index(f"{channel_code}\0{prefix}\0{number}", "precheck-decoy")
        digest, answer = rules.decoy(prefix, noise)
        found = {digest: answer} | found
    matches = [{"hash": digest} | _told(found[digest]) for digest in sorted(found)]
    return {"matches": matches, "otherwise": rules.ELIGIBLE}


# One statement, whoever is asked about; nobody costs as much as somebody.
FACTS = """
WITH known AS (
  SELECT user_id AS id, digest FROM traffic_prechecksubject
  WHERE channel_id = %(channel)s::text AND digest >= %(asked)s::text AND digest <= %(asked)s || 'g'
), families AS (SELECT family FROM lending_product WHERE code = ANY(%(products)s::text[]))
SELECT k.digest, u.id IS NULL OR NOT u.is_active OR u.phone_index IS NULL
    OR EXISTS (SELECT 1 FROM users_listentry l WHERE l.kind = 'black' AND l.removed_at IS NULL
        AND (l.expires_at IS NULL OR l.expires_at > %(at)s::timestamptz)
        AND ((l.subject = 'phone' AND l.subject_index = u.phone_index)
          OR (l.subject = 'id_number' AND l.subject_index IN (SELECT id_index FROM users_profile WHERE user_id = u.id))
          OR (l.subject = 'card' AND l.subject_index IN (SELECT number_index FROM users_bankcard WHERE user_id = u.id))
          OR (l.subject = 'device'
              AND l.subject_index IN (SELECT fingerprint_index FROM users_device WHERE user_id = u.id))))
    OR EXISTS (SELECT 1 FROM lending_grant g WHERE g.user_id = u.id AND g.status = 'FROZEN')
    OR EXISTS (SELECT 1 FROM lending_loan n WHERE n.user_id = u.id
        AND n.status IN ('OVERDUE', 'COMPENSATED', 'WRITTEN_OFF')),
  EXISTS (SELECT 1 FROM lending_application a WHERE a.user_id = u.id
    AND a.product_family = ANY(ARRAY(SELECT family FROM families))
    AND a.status IN ('DRAFT', 'SUBMITTED', 'ASSESSING', 'REFERRED', 'SUPPLEMENT')),
  (SELECT max(a.reapply_at) FROM lending_application a WHERE a.user_id = u.id AND a.status = 'DECLINED'
    AND a.product_family = ANY(ARRAY(SELECT family FROM families)) AND a.reapply_at > %(at)s),
  EXISTS (SELECT 1 FROM lending_loan n WHERE n.user_id = u.id)
    OR EXISTS (SELECT 1 FROM lending_grant g WHERE g.user_id = u.id AND g.status = 'ACTIVE')
FROM (SELECT id, digest FROM known UNION ALL SELECT 0, '' WHERE NOT EXISTS (SELECT 1 FROM known)) k
LEFT JOIN users_user u ON u.id = k.id
"""


def _facts(door: Door, asked: str, at: datetime) -> dict[str, rules.Facts]:
    """By the digest of whom we know."""
    said = {"channel": door.channel_code, "asked": asked, "products": list(door.products), "at": at}
    with connection.cursor() as cursor:
        prepared.execute(cursor, FACTS, said)
        rows = cursor.fetchall()
    return {
        digest: rules.Facts(barred, has_open, reapply_at, bool(reapply_at and reapply_at.year >= 9999), is_customer)
        for digest, barred, has_open, reapply_at, is_customer in rows
        if digest
    }


# The minute's calls and the latest questions are counted, and call and question kept, in one statement. A channel's
# calls take turns for it: what runs beside them is counted too, and two at once are never one too many.
KEEP = """
WITH recent AS (
  SELECT count(*) AS calls, min(at) AS first,
    count(*) FILTER (WHERE operation = 'precheck' AND (status IS NULL OR status = 200)) AS asked
  FROM traffic_partnercall WHERE channel_id = %(channel)s::text AND at > %(since)s::timestamptz
), said AS (
  SELECT recent.*, %(status)s::integer = 200 AND asked >= %(a_minute)s::integer AS too_many FROM recent
), kept AS (
  INSERT INTO traffic_partnercall (channel_id, nonce, operation, at, status, code, verdict, ms)
  SELECT %(channel)s, %(nonce)s::text, 'precheck', %(at)s::timestamptz, CASE WHEN too_many THEN 429 ELSE %(status)s END,
    CASE WHEN too_many THEN %(too_many)s::text ELSE %(code)s::text END,
    CASE WHEN too_many THEN '' ELSE %(verdict)s::text END, %(ms)s::integer
  FROM said WHERE calls < %(limit)s::integer
  ON CONFLICT (channel_id, nonce) DO NOTHING RETURNING id
), asked AS (
  INSERT INTO traffic_precheck (channel_id, digest, answer, hit, at)
  SELECT %(channel)s, %(digest)s::text, %(answer)s::text, %(hit)s::boolean, %(asked_at)s::timestamptz
  FROM kept, said WHERE %(status)s = 200 AND NOT too_many
)
SELECT (SELECT id FROM kept), calls, first, too_many, latest.asked, latest.hits
FROM said, (
  SELECT count(*) AS asked, count(*) FILTER (WHERE hit) AS hits FROM (
    SELECT hit FROM traffic_precheck WHERE channel_id = %(channel)s AND at > %(counted_from)s::timestamptz
    ORDER BY at DESC LIMIT %(over)s::integer - 1
  ) h
) latest
"""
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def _keep(
    door: Door, nonce: str, looked: Looked | None, error: DomainError | None, *, ms: int, now: float, at: datetime
) -> bool:
    """False where it was one too many in a minute, which is kept too. Raises RateLimited, NonceUsed."""
    said = calls.window(door, now) | {
        "nonce": nonce,
        "status": error.status if error else 200,
        "code": error.code[:60] if error else "",
        "verdict": looked.told.get("answer", BUCKET) if looked else "",
        "ms": ms,
        "a_minute": rules.A_MINUTE,
        "too_many": PrecheckRate.code,
        "digest": looked.asked if looked else "",
        "answer": looked.kept if looked else "",
        "hit": looked.hit if looked else False,
        "asked_at": at,
        "counted_from": door.precheck_counted_from or LONG_AGO,
        "over": rules.OVER,
    }
    with connection.cursor() as cursor:
        lock = f"precheck:{door.channel_code}"
        prepared.execute(cursor, KEEP, said, planner=["enable_sort = off"], lock=lock)
        call_id, count, first, too_many, asked, hits = cursor.fetchone()
    calls.check_kept(door, call_id, count, first, now)
    if looked and not too_many:
        _watch(door, asked=asked + 1, hits=hits + looked.hit, at=at)
    return not too_many


def _watch(door: Door, *, asked: int, hits: int, at: datetime) -> None:
    """Of the latest questions, this one among them."""
    if door.precheck_stopped_at is not None or not rules.is_fishing(asked=asked, hits=hits):
        return
    with transaction.atomic():
        Channel.objects.filter(party_id=door.channel_code).update(precheck_stopped_at=at)
        notices.raise_notice(
            kind="precheck_stopped",
            subject=f"channel:{door.channel_code}",
            text=f"{hits} of the last {asked} prechecks were of people we know: stopped.",
            at=at,
            severity="critical",
        )


def resume_prechecks(*, channel_code: str, reason: str, by: str, at: datetime) -> None:
    """Answer again; the count begins anew. Raises NotFound, NothingStopped, NotAllowed, ReasonRequired."""
    channel = Channel.objects.select_for_update(of=("self",)).filter(party_id=channel_code).first()
    if channel is None:
        raise NotFound("There is no such channel.")
    if channel.precheck_stopped_at is None:
        raise NothingStopped()
    channel.precheck_stopped_at, channel.precheck_counted_from = None, at
    channel.save(update_fields=["precheck_stopped_at", "precheck_counted_from"])
    acts.record(
        by=by,
        act="resume_prechecks",
        subject=f"channel:{channel_code}",
        reason=reason,
        at=at,
        permission="traffic.change_channel",
    )


def fill_subjects() -> int:
    """Hash the phones of borrowers who are new since the last pass, for every channel that prechecks. How many."""
    done = 0
    for channel in Channel.objects.exclude(precheck_key=None):
        mine = PrecheckSubject.objects.filter(channel=channel)
        last = mine.aggregate(last=Max("user_id"))["last"] or 0
        new = User.objects.filter(~Exists(mine.filter(user_id=OuterRef("pk"))), pk__gt=last - LATE_IDS)
        rows = [
            PrecheckSubject(channel=channel, user=user, digest=rules.digest(channel.precheck_key or "", user.phone))
            for user in new.filter(kind="borrower").exclude(phone_index=None).order_by("pk")[:FILL]
            if user.phone
        ]
        done += len(PrecheckSubject.objects.bulk_create(rows, ignore_conflicts=True))
    return done


def held_by(user_id: int, started_at: datetime, hold: timedelta) -> list[Touch]:
    """Prechecks that may have been of this borrower and were answered well, in the time before an application."""
    touches = []
    for subject in PrecheckSubject.objects.filter(user_id=user_id):
        asked = Precheck.objects.filter(
            channel=subject.channel_id,
            digest__in=[subject.digest, subject.digest[: rules.PREFIX]],
            answer__in=rules.GOOD,
            at__gte=started_at - hold,
            at__lte=started_at,
        )
        touches += [Touch(str(subject.channel_id), "precheck", row.at) for row in asked]
    return touches


def forget_prechecks(*, at: datetime) -> int:
    """Delete what is older than 30 days. How many."""
    return Precheck.objects.filter(at__lt=at - KEPT).delete()[0]
