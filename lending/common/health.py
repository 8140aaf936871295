"""Whether this process lives, whether the platform can work, and its figures."""

import logging
import time
from typing import Any

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

WORKER_SEEN = "platform:worker-seen"  # epoch seconds of the last task that any worker finished
SWEEP_SEEN = "platform:sweep-seen"  # and of the last sweep
STALE_SECONDS = 30.0

WORKER_AGE = Gauge("worker_last_task_seconds", "Seconds since a worker finished a task")
SWEEP_AGE = Gauge("sweep_lag_seconds", "Seconds since the sweep last ran")


def note_life(*, swept: bool) -> None:
    """Called by workers after every task. A lost cache is logged: it only makes the platform look unready."""
    try:
        cache.set(WORKER_SEEN, time.time(), timeout=3600)
        if swept:
            cache.set(SWEEP_SEEN, time.time(), timeout=3600)
    except RedisError as error:
        logger.warning("the cache does not answer", extra={"error": str(error)})


def healthz(request: HttpRequest) -> HttpResponse:
    """Alive: answers whatever else is down."""
    return JsonResponse({"status": "alive"})


def readyz(request: HttpRequest) -> HttpResponse:
    """Ready: database, broker, workers and sweep; 503 and the reason where one of them is not."""
    checks = {"database": _database(), **_broker_and_workers()}
    ready = all(check["ok"] for check in checks.values())
    return JsonResponse({"status": "ready" if ready else "not ready", **checks}, status=200 if ready else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text: requests and their times of this process, ages of the last task and sweep."""
    checks = _broker_and_workers()
    WORKER_AGE.set(checks["workers"].get("age_seconds", float("nan")))
    SWEEP_AGE.set(checks["sweep"].get("age_seconds", float("nan")))
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _database() -> dict[str, Any]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        logger.warning("the database does not answer", extra={"error": str(error)})
        return {"ok": False}
    return {"ok": True}


def _broker_and_workers() -> dict[str, dict[str, Any]]:
    try:
        seen = cache.get_many([WORKER_SEEN, SWEEP_SEEN])
    except RedisError as error:
        logger.warning("the broker does not answer", extra={"error": str(error)})
        return {"broker": {"ok": False}, "workers": {"ok": False}, "sweep": {"ok": False}}
    return {"broker": {"ok": True}, "workers": _age(seen.get(WORKER_SEEN)), "sweep": _age(seen.get(SWEEP_SEEN))}


def _age(seen: float | None) -> dict[str, Any]:
    if seen is None:
        return {"ok": False}
    age = max(0.0, time.time() - seen)
    return {"ok": age <= STALE_SECONDS, "age_seconds": round(age, 1)}
