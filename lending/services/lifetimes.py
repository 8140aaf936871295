"""What has waited longer than it may ends, each thing in a transaction of its own."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import OuterRef, Subquery

from lending.common.errors import Conflict
from lending.models import (
    Application,
    ApplicationStatus,
    Drawdown,
    DrawdownStatus,
    Event,
    Grant,
    GrantStatus,
    Lifetime,
    Supplement,
)
from lending.services import applications, drawdowns, grants

logger = logging.getLogger(__name__)

LIMIT = 200  # of each kind in one pass; the next pass takes the rest
WAITING_FOR_MONEY = (
    DrawdownStatus.REQUESTED,
    DrawdownStatus.ROUTING,
    DrawdownStatus.FUNDER_PENDING,
    DrawdownStatus.NO_FUNDER,
)


def expire_due(*, at: datetime) -> int:
    """Expire everything due at `at`; how many. Opens its own transactions."""
    ttl = {row.thing: timedelta(seconds=row.ttl_seconds) for row in Lifetime.objects.all()}
    if not ttl:
        return 0  # nothing is configured yet
    done = 0
    for ids, act in _due(ttl, at):
        for pk in ids:
            done += _expire(pk, act)
    return done


def _expire(pk: int, act: Callable[[int], None]) -> int:
    try:
        with transaction.atomic(durable=True):
            act(pk)
    except Conflict as moved_on:
        logger.info("not expired: it moved on meanwhile", extra={"pk": pk, "code": moved_on.code})
        return 0
    return 1


def _due(ttl: dict[str, timedelta], at: datetime) -> Iterable[tuple[list[int], Callable[[int], None]]]:
    application, drawdown = ApplicationStatus, DrawdownStatus

    drafts = Application.objects.filter(status=application.DRAFT, created_at__lte=at - ttl["draft"])
    yield _ids(drafts), lambda pk: applications.expire(application_id=pk, reason="B02", at=at)

    came_in = Event.objects.filter(application=OuterRef("pk"), subject="application", target=application.REFERRED)
    referred = Application.objects.alias(since=Subquery(came_in.order_by("-id").values("occurred_at")[:1])).filter(
        status=application.REFERRED, since__lte=at - ttl["referral"]
    )
    yield _ids(referred), lambda pk: applications.expire(application_id=pk, reason="B02", at=at)

    unanswered = Supplement.objects.filter(
        answered_at=None, closed_at=None, expires_at__lte=at, application__status=application.SUPPLEMENT
    ).values_list("application_id", flat=True)[:LIMIT]
    yield list(unanswered), lambda pk: applications.expire(application_id=pk, reason="N02", at=at)

    unsigned = Drawdown.objects.filter(status=drawdown.SIGNING, status_at__lte=at - ttl["signing"])
    yield _ids(unsigned), lambda pk: drawdowns.expire(drawdown_id=pk, reasons=["B02"], at=at)

    run_out = Drawdown.objects.filter(status__in=[drawdown.SIGNING, drawdown.CARD_FIX], approval_expires_at__lte=at)
    yield _ids(run_out), lambda pk: drawdowns.approval_ran_out(drawdown_id=pk, at=at)

    unfixed = Drawdown.objects.filter(status=drawdown.CARD_FIX, status_at__lte=at - ttl["card_fix"])
    yield _ids(unfixed), lambda pk: drawdowns.expire(drawdown_id=pk, reasons=["M03"], at=at)

    unfunded = Drawdown.objects.filter(status__in=WAITING_FOR_MONEY, confirmed_at__lte=at - ttl["funding_wait"])
    yield _ids(unfunded), lambda pk: drawdowns.expire(drawdown_id=pk, reasons=["M01"], at=at)

    offers = Grant.objects.filter(
        status__in=[GrantStatus.ACTIVE, GrantStatus.FROZEN], valid_until__lte=at, pending_cents=0
    )
    yield _ids(offers), lambda pk: grants.expire(grant_id=pk, reason="B02", by="system", at=at)


def _ids(rows: object) -> list[int]:
    return list(rows.order_by("pk").values_list("pk", flat=True)[:LIMIT])  # type: ignore[attr-defined]
