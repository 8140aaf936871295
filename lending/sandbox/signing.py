"""The signature both sides put on a request. Written apart from the platform's own, so that one checks the other."""

import hashlib
import hmac
from collections.abc import Mapping

CLIENT_ID = "cashloan"
WINDOW_SECONDS = 300


def secret_of(vendor: str) -> str:
    return f"sandbox-{vendor}"


def signature(*, secret: str, method: str, path: str, timestamp: str, body: bytes) -> str:
    """Hex HMAC-SHA256 over method, path as sent with its query, unix seconds and the body's SHA-256."""
    text = "\n".join((method, path, timestamp, hashlib.sha256(body).hexdigest()))
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def headers(*, vendor: str, client_id: str, method: str, path: str, body: bytes, now: float) -> dict[str, str]:
    timestamp = str(int(now))
    signed = signature(secret=secret_of(vendor), method=method, path=path, timestamp=timestamp, body=body)
    return {
        "Content-Type": "application/json",
        "X-Client-Id": client_id,
        "X-Timestamp": timestamp,
        "X-Signature": signed,
    }


def problem_with(
    sent: Mapping[str, str], *, vendor: str, method: str, path: str, body: bytes, now: float
) -> str | None:
    """Why the platform's request is not accepted; None where it is. Header names are matched as the mapping does."""
    timestamp = sent.get("x-timestamp", "")
    expected = signature(secret=secret_of(vendor), method=method, path=path, timestamp=timestamp, body=body)
    if sent.get("x-client-id") != CLIENT_ID:
        return "unknown X-Client-Id"
    if not hmac.compare_digest(expected, sent.get("x-signature", "")):
        return "X-Signature does not match"
    if not timestamp.isdigit() or abs(int(timestamp) - now) > WINDOW_SECONDS:
        return "X-Timestamp is outside the five-minute window"
    return None
