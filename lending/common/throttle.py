"""Request limits that fail open: a lost cache must not close the shop, and Postgres still limits what costs money."""

import logging
from types import SimpleNamespace
from typing import Any

from django.http import HttpRequest
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, ScopedRateThrottle, SimpleRateThrottle, UserRateThrottle

from lending.common.errors import TooManyRequests

logger = logging.getLogger(__name__)


class _FailOpen(SimpleRateThrottle):
    def allow_request(self, request: Request, view: Any) -> bool:
        try:
            return bool(super().allow_request(request, view))
        except RedisError as error:
            logger.warning("not throttled: the cache does not answer", extra={"error": str(error)})
            return True


class ByAddress(_FailOpen, AnonRateThrottle):
    """Callers without a token, by IP address."""


class ByUser(_FailOpen, UserRateThrottle):
    """Callers with a token, by user."""


class ByScope(_FailOpen, ScopedRateThrottle):
    """Views with a `throttle_scope` of their own."""


def check(request: HttpRequest, scope: str) -> None:
    """The limit of `scope` for a page, counted together with the API's. Raises TooManyRequests."""
    throttle = ByScope()
    if not throttle.allow_request(request, SimpleNamespace(throttle_scope=scope)):  # type: ignore[arg-type]
        raise TooManyRequests(retry_after=int(throttle.wait() or 60))
