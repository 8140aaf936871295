"""Calls to third parties: signed, always with a time limit, and honest about whether anything happened there.

Wire: JSON; `X-Client-Id`, `X-Timestamp` (unix seconds), `X-Signature` = hex HMAC-SHA256(secret,
method \\n path \\n timestamp \\n sha256(body)). Callbacks to us are signed the same way. Without a secret a request
goes unsigned: for a vendor with a wire of its own.

TransientError: nothing happened, send again later. UnknownOutcome: it may have happened, query by key.
PermanentError: refused for good (code of the vendor), or an answer that is not what was agreed ("malformed").
"""

import hashlib
import hmac
import json as jsonlib
import logging
import threading
import time
from collections.abc import Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx
import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from lending.common.errors import PermanentError, TransientError, Unauthenticated, UnknownOutcome

logger = logging.getLogger(__name__)

SIGNATURE_WINDOW_SECONDS = 300
BREAKER_FAILURES, BREAKER_WINDOW_SECONDS, BREAKER_OPEN_SECONDS = 20, 10, 5


def sign(*, secret: str, method: str, path: str, timestamp: str, body: bytes) -> str:
    text = f"{method}\n{path}\n{timestamp}\n{hashlib.sha256(body).hexdigest()}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def verify_callback(
    *, headers: Mapping[str, str], method: str, path: str, body: bytes, secret: str, at: datetime
) -> None:
    """Raises Unauthenticated unless the body was signed with `secret` within five minutes of `at`."""
    timestamp, signature = headers.get("X-Timestamp", ""), headers.get("X-Signature", "")
    expected = sign(secret=secret, method=method, path=path, timestamp=timestamp, body=body)
    if not hmac.compare_digest(expected, signature):
        raise Unauthenticated("The signature does not match.")
    # The vendor's clock is the real one; a demo clock running ahead must not reject it.
    if not timestamp.isdigit() or abs(int(timestamp) - time.time()) > SIGNATURE_WINDOW_SECONDS:
        raise Unauthenticated("The timestamp is outside the five-minute window.")


def _request(method: str, url: str, json: Any, client_id: str, secret: str) -> tuple[bytes, dict[str, str]]:
    body = b"" if json is None else jsonlib.dumps(json, ensure_ascii=False).encode()
    if not secret:
        return body, {"Content-Type": "application/json"} if body else {}
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    timestamp = str(int(time.time()))
    signature = sign(secret=secret, method=method, path=path, timestamp=timestamp, body=body)
    headers = {
        "Content-Type": "application/json",
        "X-Client-Id": client_id,
        "X-Timestamp": timestamp,
        "X-Signature": signature,
    }
    return body, headers


def _answer(vendor: str, response: httpx.Response) -> Any:
    if response.status_code == 429 or response.status_code >= 500:
        raise TransientError(f"HTTP {response.status_code}", vendor=vendor, code=f"http_{response.status_code}")
    try:
        answer = response.json()
    except ValueError:
        raise PermanentError("not JSON", vendor=vendor, code="malformed") from None
    if not isinstance(answer, dict):
        raise PermanentError("not an object", vendor=vendor, code="malformed")
    if response.status_code >= 400:
        error = answer.get("error") if isinstance(answer.get("error"), dict) else {}
        code = str((error or {}).get("code", f"http_{response.status_code}"))
        raise PermanentError(f"HTTP {response.status_code} {code}", vendor=vendor, code=code)
    return answer


def _fault(vendor: str, error: httpx.HTTPError) -> TransientError | UnknownOutcome:
    name = type(error).__name__
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)):
        return TransientError(name, vendor=vendor, code="unreachable")  # nothing was sent
    return UnknownOutcome(name, vendor=vendor, code="timeout" if "Timeout" in name else "connection_lost")


# --- the breaker, shared by all processes through the cache; without the cache every call goes through -----------


@cache
def _store() -> "redis.Redis":
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0)
    )


def _refuse_if_open(vendor: str) -> None:
    try:
        is_open = _store().exists(f"breaker:{vendor}:open")
    except redis.RedisError:
        is_open = False
    if is_open:
        raise TransientError("circuit breaker is open", vendor=vendor, code="breaker_open")


def _count_failure(vendor: str) -> None:
    try:
        pipe = _store().pipeline()
        pipe.incr(f"breaker:{vendor}:failures")
        pipe.expire(f"breaker:{vendor}:failures", BREAKER_WINDOW_SECONDS, nx=True)
        failures = int(pipe.execute()[0])
        if failures >= BREAKER_FAILURES:
            _store().set(f"breaker:{vendor}:open", 1, ex=BREAKER_OPEN_SECONDS)
            logger.warning("breaker opened", extra={"vendor": vendor, "failures": failures})
    except redis.RedisError:
        logger.warning("breaker could not be counted", extra={"vendor": vendor})


# --- the clients --------------------------------------------------------------------------------------------------

_local = threading.local()


@contextmanager
def _client() -> Any:
    """One keep-alive client per thread."""
    if not hasattr(_local, "client"):
        _local.client = httpx.Client(trust_env=False, limits=httpx.Limits(max_keepalive_connections=20))
    yield _local.client


@asynccontextmanager
async def aclient() -> Any:
    """A client for one event loop; its owner keeps it open across calls and hands it to `acall`."""
    async with httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=200)) as client:
        yield client


def call(
    *, vendor: str, method: str, url: str, client_id: str, secret: str, timeout_ms: int, json: Any = None
) -> dict[str, Any]:
    """One request, no retry: a caller that may retry does so by its work row. Returns the JSON object."""
    _refuse_if_open(vendor)
    body, headers = _request(method, url, json, client_id, secret)
    try:
        with _client() as client:
            response = client.request(method, url, content=body, headers=headers, timeout=timeout_ms / 1000)
        return _answer(vendor, response)
    except httpx.HTTPError as error:
        _count_failure(vendor)
        raise _fault(vendor, error) from error
    except TransientError:
        _count_failure(vendor)
        raise


async def acall(
    *,
    client: httpx.AsyncClient,
    vendor: str,
    method: str,
    url: str,
    client_id: str,
    secret: str,
    timeout_ms: int,
    json: Any = None,
) -> dict[str, Any]:
    """As `call`, on the caller's event loop and client. The time limit covers the whole exchange."""
    _refuse_if_open(vendor)
    body, headers = _request(method, url, json, client_id, secret)
    try:
        response = await client.request(method, url, content=body, headers=headers, timeout=timeout_ms / 1000)
        return _answer(vendor, response)
    except httpx.HTTPError as error:
        _count_failure(vendor)
        raise _fault(vendor, error) from error
    except TransientError:
        _count_failure(vendor)
        raise
