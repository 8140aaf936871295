"""Calls to third parties: signed, always with a time limit, and honest about whether anything happened there.

Wire: JSON, or form fields where a vendor wants them; `X-Client-Id`, `X-Timestamp` (unix seconds), `X-Signature` = hex
HMAC-SHA256(secret, method \\n path \\n timestamp \\n sha256(body)). Callbacks to us are signed the same way. Without a
secret a request goes unsigned: for a vendor with a wire of its own.

TransientError: nothing happened, send again later. UnknownOutcome: it may have happened, query by key.
PermanentError: refused for good (code of the vendor). Malformed: an answer that is not what was agreed, kept in `raw`.
"""

import asyncio
import hashlib
import hmac
import json as jsonlib
import threading
import time
from collections.abc import Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import httpx
from yarl import URL

from lending.common import breaker
from lending.common.errors import (
    Malformed,
    PermanentError,
    TransientError,
    Unauthenticated,
    UnknownOutcome,
    VendorError,
)

SIGNATURE_WINDOW_SECONDS = 300
MAX_ANSWER_BYTES = 1_000_000
KEPT_CHARACTERS = 4_000  # of an answer that is no JSON object
CONNECTIONS_AT_MOST = 200  # of an event loop to one vendor
NOTHING_WAS_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)


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


def _request(
    method: str,
    url: str,
    json: Any,
    client_id: str,
    secret: str,
    form: Mapping[str, str] | None = None,
    next_secret: str = "",
) -> tuple[bytes, dict[str, str]]:
    body = b"" if json is None else jsonlib.dumps(json, ensure_ascii=False).encode()
    kind = "application/json"
    if form is not None:
        body, kind = urlencode(form).encode(), "application/x-www-form-urlencoded"
    if not secret:
        return body, {"Content-Type": kind} if body else {}
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    timestamp = str(int(time.time()))
    signature = sign(secret=secret, method=method, path=path, timestamp=timestamp, body=body)
    headers = {
        "Content-Type": kind,
        "X-Client-Id": client_id,
        "X-Timestamp": timestamp,
        "X-Signature": signature,
    }
    if next_secret:
        headers["X-Signature-Next"] = sign(secret=next_secret, method=method, path=path, timestamp=timestamp, body=body)
    return body, headers


def _answer(vendor: str, status: int, content: bytes) -> dict[str, Any]:
    if status == 429 or status >= 500:
        raise TransientError(f"HTTP {status}", vendor=vendor, code=f"http_{status}")
    refused = not 200 <= status < 300
    try:
        answer = read(content)
    except ValueError:
        raise _malformed(vendor, status, content, "not JSON") from None
    if not isinstance(answer, dict):
        raise _malformed(vendor, status, content, "not an object")
    if refused:
        error = answer.get("error") if isinstance(answer.get("error"), dict) else {}
        code = str((error or {}).get("code", f"http_{status}"))
        raise PermanentError(f"HTTP {status} {code}", vendor=vendor, code=code)
    return answer


def read(content: bytes) -> Any:
    """The JSON of an answer or a callback. Raises ValueError, also for what no database takes: NaN, a NUL, half a
    surrogate, a million brackets."""
    if b"\\u0000" in content:
        raise ValueError("a NUL")
    try:
        answer = jsonlib.loads(content, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if b"\\ud" in content.lower():
        jsonlib.dumps(answer, ensure_ascii=False).encode()  # UnicodeEncodeError is a ValueError
    return answer


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _malformed(vendor: str, status: int, content: bytes, why: str) -> PermanentError:
    """An answer of 200 is kept with its error: somebody has to show it to the vendor."""
    if not 200 <= status < 300:
        return PermanentError(f"HTTP {status}, {why}", vendor=vendor, code=f"http_{status}")
    return Malformed(why, vendor=vendor, raw={"text": content.decode(errors="replace")[:KEPT_CHARACTERS]})


def _fault(vendor: str, error: Exception) -> VendorError:
    if isinstance(error, VendorError):
        return error
    name = type(error).__name__
    if isinstance(error, NOTHING_WAS_SENT):
        return TransientError(name, vendor=vendor, code="unreachable")
    return UnknownOutcome(name, vendor=vendor, code="timeout" if "Timeout" in name else "connection_lost")


# --- the clients --------------------------------------------------------------------------------------------------

_local = threading.local()


@contextmanager
def _client() -> Any:
    """One keep-alive client per thread."""
    if not hasattr(_local, "client"):
        _local.client = httpx.Client(trust_env=False, limits=httpx.Limits(max_keepalive_connections=20))
    yield _local.client


def aclient() -> aiohttp.ClientSession:
    """A client for one event loop and as long as it lives; its owner hands it to `acall`. To be made on the loop.

    aiohttp: httpx's pool looks through all connections at every call, 20 ms of processor where 60 are open, and its
    interface alone takes more than the call.
    """
    connector = aiohttp.TCPConnector(limit=CONNECTIONS_AT_MOST, ssl=httpx.create_ssl_context(trust_env=False))
    unlimited = aiohttp.ClientTimeout(total=None, sock_connect=None)  # `acall` limits the whole
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=unlimited)


def call(
    *,
    vendor: str,
    method: str,
    url: str,
    client_id: str,
    secret: str,
    timeout_ms: int,
    json: Any = None,
    form: Mapping[str, str] | None = None,
    next_secret: str = "",
) -> dict[str, Any]:
    """One request, no retry: a caller that may retry does so by its work row. Returns the JSON object. `form` goes out
    in place of `json`. `next_secret`: signs, too, in `X-Signature-Next`, while the secret is being changed."""
    probe = breaker.enter(vendor)
    body, headers = _request(method, url, json, client_id, secret, form, next_secret)
    seconds = timeout_ms / 1000
    until = time.monotonic() + seconds
    try:
        with (
            _client() as client,
            client.stream(method, url, content=body, headers=headers, timeout=seconds) as response,
        ):
            content = bytearray()
            for part in response.iter_bytes():
                if time.monotonic() > until:  # httpx limits each wait, not the whole
                    raise httpx.ReadTimeout("the answer trickled past the limit")
                content = _within_limits(vendor, content, part)
        answer = _answer(vendor, response.status_code, bytes(content))
    except (httpx.HTTPError, TransientError) as error:
        breaker.failed(vendor, probe=probe)
        raise _fault(vendor, error) from error
    except VendorError:
        breaker.answered(vendor, probe=probe)
        raise
    breaker.answered(vendor, probe=probe)
    return answer


def _within_limits(vendor: str, content: bytearray, part: bytes) -> bytearray:
    """Decoded bytes, so that a small packet that unpacks to gigabytes ends early, too."""
    content += part
    if len(content) > MAX_ANSWER_BYTES:
        text = content[:KEPT_CHARACTERS].decode(errors="replace")
        raise Malformed(f"more than {MAX_ANSWER_BYTES} bytes", vendor=vendor, raw={"text": text})
    return content


async def acall(
    *,
    client: aiohttp.ClientSession,
    vendor: str,
    method: str,
    url: str,
    client_id: str,
    secret: str,
    timeout_ms: int,
    json: Any = None,
    form: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """As `call`, on the caller's event loop and client. The time limit covers the whole exchange."""
    probe = await breaker.aenter(vendor)
    body, headers = _request(method, url, json, client_id, secret, form)
    seconds = timeout_ms / 1000
    try:
        async with asyncio.timeout(seconds):
            to = URL(url, encoded=True)  # as it was signed
            async with client.request(
                method, to, data=body or None, headers=headers, allow_redirects=False
            ) as response:
                content = bytearray()
                async for part in response.content.iter_any():
                    content = _within_limits(vendor, content, part)
        answer = _answer(vendor, response.status, bytes(content))
    except (aiohttp.ClientError, TransientError, TimeoutError) as error:
        await breaker.afailed(vendor, probe=probe)
        raise _fault(vendor, error) from error
    except VendorError:
        await breaker.aanswered(vendor, probe=probe)
        raise
    await breaker.aanswered(vendor, probe=probe)
    return answer
