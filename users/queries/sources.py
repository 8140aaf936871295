"""The register of sources, and the answers of identity and card checks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery

from lending.common.compiled import compiled
from lending.common.crypto import blind_index
from lending.common.errors import NotFound, Unavailable
from users.models import Check, CheckKind, CheckState, Drill, FaceReview, FaceReviewState, Profile, Source
from users.queries import levels
from users.queries.people import Person
from users.rules import faces

# What a result needs of its source; the rest is long, and partly encrypted.
OF_SOURCE = tuple(f"source__{name}" for name in ("code", "scenario", "fresh_days", "freshness"))


class SourceWithoutAddress(Unavailable):
    code, title = "source_without_address", "This source has no address"


@dataclass(frozen=True)
class SourceView:
    """`endpoint` is absolute; "" where the source is answered inside. `retries`: repeats of a call that did nothing.

    `authorisation`: what the borrower has to give elsewhere before it answers, "" for nothing more than the consent.
    `drill`, `drill_until`: what the source is made to seem (dead, slow, wrong) until when; "" and None: itself.
    """

    id: int
    code: str
    name_en: str
    name_zh: str
    stage: int
    scenario: str
    price_cents: int
    timeout_ms: int
    fresh_days: int
    fallback: str | None
    dead: str
    consent_code: str
    recipient: str
    protocol: str
    endpoint: str
    enabled: bool
    client_id: str = field(repr=False)
    secret: str = field(repr=False)
    vendor: str = ""
    product: str = ""
    currency: str = "CNY"
    retries: int = 2
    pause_ms: int = 200
    max_parallel: int = 50
    retention_days: int = 365
    freshness: Mapping[str, int | None] = field(default_factory=dict)
    authorisation: str = ""
    drill: str = ""
    drill_until: datetime | None = None

    def fresh_for(self, scenario: str) -> int | None:
        """How many days old an answer may be that is used again in `scenario`: 0 never, None however old it is."""
        return self.freshness.get(scenario, self.fresh_days)

    def drilled(self, at: datetime) -> str:
        """What the source is made to seem at that instant; "" where it is itself."""
        return self.drill if self.drill_until is not None and at < self.drill_until else ""


@dataclass(frozen=True)
class SourceFacts:
    """What the register says about a source, without how to reach it. `fresh_days` 0: always asked anew."""

    id: int
    code: str
    name_en: str
    name_zh: str
    vendor: str
    currency: str
    stage: int
    price_cents: int
    fresh_days: int
    fallback: str
    dead: str
    consent_code: str
    recipient: str
    protocol: str
    enabled: bool


@dataclass(frozen=True)
class CheckBehind:
    """A check that was answered, with the consent it stood on. `source_code`: who answered, maybe the fallback."""

    id: int
    state: str
    checked_at: datetime
    price_cents: int
    source_code: str
    consent_id: int


@dataclass(frozen=True)
class CheckResult:
    """`state`: passed, failed or dead (nobody answered). `price_cents`: what it cost."""

    id: int
    kind: str
    state: str
    checked_at: datetime
    price_cents: int
    source_code: str


@dataclass(frozen=True)
class CheckUsed:
    """A check for the person it was about: what was sent to whom. `source`: who answered, "" where nobody did."""

    kind: str
    state: str
    failure: str
    recipient: str
    source: str
    asked_at: datetime
    checked_at: datetime | None
    consent_id: int


@dataclass(frozen=True)
class FaceReviewView:
    """`state`: waiting, passed, refused, or replaced by a later one."""

    state: str
    asked_at: datetime
    decided_at: datetime | None


@dataclass(frozen=True)
class CheckView:
    """A check as its owner sees it; `state` may also be pending. `reason`: mismatch, no_record, unreadable, expired or
    not_live where it failed, else "".
    """

    id: int
    kind: str
    state: str
    reason: str
    created_at: datetime
    checked_at: datetime | None


def source(code: str) -> SourceView:
    """Raises NotFound; SourceWithoutAddress where its path has no host to stand behind."""
    row = _whole().filter(code=code).first()
    if row is None:
        raise NotFound(f"There is no source {code!r}.")
    return _source_view(row)


def sources(scenario: str) -> tuple[SourceView, ...]:
    """The enabled sources of a scenario by stage, fallbacks left out (each names its own)."""
    rows = _whole().filter(scenario=scenario, enabled=True, fallback_of=None)
    return tuple(_source_view(row) for row in rows.order_by("stage", "code"))


def sources_speaking(protocols: Iterable[str]) -> tuple[SourceView, ...]:
    """Every source of these protocols, switched off or not. Raises SourceWithoutAddress."""
    rows = _whole().filter(protocol__in=list(protocols))
    return tuple(_source_view(row) for row in rows.order_by("stage", "code"))


def source_facts() -> dict[str, SourceFacts]:
    """The whole register by code, those switched off included."""
    return {
        row.code: SourceFacts(
            id=row.pk,
            code=row.code,
            name_en=row.name_en,
            name_zh=row.name_zh,
            vendor=row.vendor,
            currency=row.currency,
            stage=row.stage,
            price_cents=row.price_cents,
            fresh_days=row.fresh_days,
            fallback=row.fallback.code if row.fallback else "",
            dead=row.dead,
            consent_code=row.consent_code,
            recipient=row.recipient,
            protocol=row.protocol,
            enabled=row.enabled,
        )
        for row in Source.objects.select_related("fallback")
    }


@dataclass(frozen=True)
class DrillView:
    """`source_id`, `source_code`: of what is drilled; `mode`: dead, slow, wrong. Over at `over_at`, come what may."""

    id: int
    source_id: int
    source_code: str
    fallback: str
    dead: str
    mode: str
    started_at: datetime
    over_at: datetime


def drill(drill_id: int) -> DrillView:
    """Raises NotFound."""
    row = Drill.objects.select_related("source__fallback").filter(pk=drill_id).first()
    if row is None:
        raise NotFound("There is no such drill.")
    over_at = row.ended_at or row.until
    fallback = row.source.fallback.code if row.source.fallback else ""
    source = row.source
    return DrillView(row.pk, source.pk, source.code, fallback, source.dead, row.mode, row.started_at, over_at)


@dataclass(frozen=True)
class CheckMet:
    """A check that was asked while its source was drilled. `answered_by`: "" where nobody has (yet)."""

    id: int
    asked_at: datetime
    state: str
    failure: str
    answered_by: str


def checks_met(kind: str, *, since: datetime, until: datetime) -> tuple[CheckMet, ...]:
    """Checks of this kind that were asked in that time, newest first, at most 50."""
    rows = Check.objects.filter(kind=kind, created_at__gte=since, created_at__lte=until).select_related("source")
    return tuple(
        CheckMet(row.pk, row.created_at, str(row.state), row.failure, row.source.code if row.source else "")
        for row in rows.defer("reply").order_by("-pk")[:50]
    )


def check_behind(user_id: int, kind: str, state: str, at: datetime, card_id: int | None = None) -> CheckBehind | None:
    """The latest check of this kind (and card) that had been answered with `state` by then."""
    rows = Check.objects.filter(user_id=user_id, kind=kind, state=state, checked_at__lte=at).select_related("source")
    if card_id is not None:
        rows = rows.filter(card_id=card_id)
    row = rows.order_by("-checked_at", "-pk").first()
    if row is None or row.checked_at is None:
        return None
    source_code = row.source.code if row.source else ""
    return CheckBehind(row.pk, row.state, row.checked_at, row.price_cents, source_code, row.consent_id)


def identity_result(user_id: int, at: datetime, *, declared: Person | None = None) -> CheckResult | None:
    """The latest answered check of the name and number the borrower declares now; a pass only while it is fresh.
    `declared`: where it has been read already."""
    profile = declared or Profile.objects.filter(user_id=user_id).first()
    if profile is None or not profile.id_number:
        return None
    row = next(iter(_identity_checks(user_id=user_id, subject_index=identity_index(profile))), None)
    if row is None or row.checked_at is None:
        return None
    if row.state == CheckState.PASSED and row.source and not _keeps(row.source, row.checked_at, at):
        return None
    return _check_result(row)


@compiled
def _identity_checks(user_id: int, subject_index: str) -> QuerySet[Check]:
    rows = Check.objects.filter(user_id=user_id, kind=CheckKind.ID2, subject_index=subject_index)
    wanted = ("kind", "state", "checked_at", "created_at", "price_cents", *OF_SOURCE)
    rows = rows.exclude(state=CheckState.PENDING).select_related("source").only(*wanted)
    return rows.order_by("-checked_at", "-pk")[:1]


def face_needed(user_id: int, at: datetime) -> bool:
    """Whether the borrower has to show their face before taking money: the source is on, and no comparison of the
    person they now declare, by the vendor or by a person, which passed, still holds.
    """
    if not Source.objects.filter(code=CheckKind.FACE, enabled=True).exists():
        return False
    profile = Profile.objects.filter(user_id=user_id).first()
    if profile is None:
        return True
    rank, index = levels.level(user_id).rank, identity_index(profile)
    passed = Check.objects.filter(user_id=user_id, kind=CheckKind.FACE, state=CheckState.PASSED, subject_index=index)
    if passed.filter(checked_at__gt=at - faces.holds(rank)).exists():
        return False
    told = FaceReview.objects.filter(user_id=user_id, state=FaceReviewState.PASSED, subject_index=index)
    return not told.filter(decided_at__gt=at - faces.holds_by_a_person(rank)).exists()


def face_index(user_id: int) -> str | None:
    """The blind index of the name and ID number now declared; None where either is missing."""
    profile = Profile.objects.filter(user_id=user_id).first()
    return identity_index(profile) if profile and profile.name and profile.id_number else None


def face_review(user_id: int) -> FaceReviewView | None:
    """The latest that a person was asked for."""
    row = FaceReview.objects.filter(user_id=user_id).order_by("-pk").first()
    return FaceReviewView(row.state, row.asked_at, row.decided_at) if row else None


def card_check(card_id: int) -> CheckResult | None:
    """The latest answered four-element check of the card."""
    answered = Check.objects.filter(card_id=card_id).exclude(state=CheckState.PENDING).select_related("source")
    row = answered.order_by("-checked_at", "-pk").first()
    return _check_result(row) if row else None


def checks(user_id: int) -> tuple[CheckView, ...]:
    """The newest 20, newest first."""
    return tuple(_check_view(row) for row in Check.objects.filter(user_id=user_id).order_by("-pk")[:20])


def checks_used(user_id: int) -> tuple[CheckUsed, ...]:
    """Every identity and card check of this person, newest first; what the vendors wrote is not read."""
    rows = Check.objects.filter(user_id=user_id).select_related("source").defer("reply", "source__credentials")
    return tuple(
        CheckUsed(
            kind=row.kind,
            state=row.state,
            failure=row.failure,
            recipient=row.recipient,
            source=row.source.code if row.source else "",
            asked_at=row.created_at,
            checked_at=row.checked_at,
            consent_id=row.consent_id,
        )
        for row in rows.order_by("-pk")
    )


def check(user_id: int, check_id: int) -> CheckView:
    """The gate to one of the user's checks. Raises NotFound."""
    row = Check.objects.filter(user_id=user_id, pk=check_id).first()
    if row is None:
        raise NotFound("There is no such check.")
    return _check_view(row)


def identity_index(profile: Profile | Person) -> str:
    """Blind index of the name and number together: an answer holds only for what was asked."""
    return blind_index(f"{profile.name}\0{profile.id_number}", "identity")


def _keeps(row: Source, checked_at: datetime, at: datetime) -> bool:
    """Whether an answer of that age still stands where this source is used."""
    days = row.freshness.get(row.scenario, row.fresh_days)
    return days is None or at < checked_at + timedelta(days=days)


def _endpoint(row: Source) -> str:
    if not row.endpoint.startswith("/"):
        return row.endpoint
    base = getattr(settings, "VENDOR_BASE_URL", "") or getattr(settings, "SANDBOX_URL", "")
    if not base:
        raise SourceWithoutAddress(f"Source {row.code} has a path and no host.", source=row.code)
    return f"{base.rstrip('/')}{row.endpoint}"


def _whole() -> QuerySet[Source]:
    """Sources with all that their view holds, in one statement."""
    open_drill = Drill.objects.filter(source=OuterRef("pk"), ended_at=None).order_by()
    return Source.objects.select_related("fallback").annotate(
        drill=Subquery(open_drill.values("mode")[:1]),
        drill_until=Subquery(open_drill.values("until")[:1]),
    )


def _source_view(row: Any) -> SourceView:
    """Of a row of `_whole`. An installation that allows no drills heeds none."""
    credentials: dict[str, str] = row.credentials or {}
    drill = row.drill if settings.ALLOW_DRILLS else None
    return SourceView(
        id=row.pk,
        code=row.code,
        name_en=row.name_en,
        name_zh=row.name_zh,
        stage=row.stage,
        scenario=row.scenario,
        price_cents=row.price_cents,
        timeout_ms=row.timeout_ms,
        fresh_days=row.fresh_days,
        fallback=row.fallback.code if row.fallback else None,
        dead=row.dead,
        consent_code=row.consent_code,
        recipient=row.recipient,
        protocol=row.protocol,
        endpoint=_endpoint(row),
        enabled=row.enabled,
        client_id=credentials.get("client_id", ""),
        secret=credentials.get("secret", ""),
        vendor=row.vendor,
        product=row.product,
        currency=row.currency,
        retries=row.retries,
        pause_ms=row.pause_ms,
        max_parallel=row.max_parallel,
        retention_days=row.retention_days,
        freshness=row.freshness,
        authorisation=row.authorisation,
        drill=drill or "",
        drill_until=row.drill_until if drill else None,
    )


def _check_view(row: Check) -> CheckView:
    reason = row.failure if row.state == CheckState.FAILED else ""
    return CheckView(row.pk, row.kind, row.state, reason, row.created_at, row.checked_at)


def _check_result(row: Check) -> CheckResult:
    checked_at = row.checked_at or row.created_at
    return CheckResult(row.pk, row.kind, row.state, checked_at, row.price_cents, row.source.code if row.source else "")
