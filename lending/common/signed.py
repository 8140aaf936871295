"""How a partner signs a request to us. Pure: no clock, no network, no Django.

`X-Signature` = hex HMAC-SHA256(secret, canonical), where canonical is six lines joined by "\\n": method, path, query
with its `name=value` parts sorted as they are sent, `X-Timestamp` (unix seconds), `X-Nonce`, and the hex SHA-256 of the
body. Who it is, is said by `X-App-Id`.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lending.common.errors import Unauthenticated

WINDOW_SECONDS = 300
SHAPES = {
    "X-App-Id": re.compile(r"[A-Za-z0-9_-]{1,40}"),
    "X-Timestamp": re.compile(r"[0-9]{1,12}"),
    "X-Nonce": re.compile(r"[A-Za-z0-9_-]{16,64}"),
    "X-Signature": re.compile(r"[0-9a-f]{64}"),
}


class _Refused(Unauthenticated):
    scheme = "CASHLOAN-HMAC-SHA256"


class SignatureMissing(_Refused):
    code, title = "signature_missing", "The request is not signed"


class TimestampOutside(_Refused):
    code, title = "timestamp_outside_window", "The timestamp is more than five minutes from our clock"


class SignatureMismatch(_Refused):
    code, title = "signature_mismatch", "The signature does not match"


class UnknownApp(_Refused):
    code, title = "unknown_app", "There is no such app with a live key"


class NonceUsed(_Refused):
    code, title = "nonce_used", "This nonce was used before"


@dataclass(frozen=True, slots=True)
class Signed:
    """What a request says of itself; nothing of it is checked yet. `text`: what must have been signed."""

    app_id: str
    timestamp: int
    nonce: str
    signature: str
    text: str


def canonical(*, method: str, path: str, query: str, timestamp: str, nonce: str, body: bytes) -> str:
    """`query`: as it stands in the address, without "?"."""
    parts = "&".join(sorted(query.split("&")))
    return "\n".join((method, path, parts, timestamp, nonce, hashlib.sha256(body).hexdigest()))


def sign(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def read(*, headers: Mapping[str, str], method: str, path: str, query: str, body: bytes) -> Signed:
    """Raises SignatureMissing with the headers that are missing or not of their shape."""
    said = {name: headers.get(name, "") for name in SHAPES}
    wrong = {
        name: "missing" if not said[name] else "malformed" for name in SHAPES if not SHAPES[name].fullmatch(said[name])
    }
    if wrong:
        raise SignatureMissing(f"See {', '.join(wrong)}.", fields=wrong)
    text = canonical(
        method=method, path=path, query=query, timestamp=said["X-Timestamp"], nonce=said["X-Nonce"], body=body
    )
    return Signed(said["X-App-Id"], int(said["X-Timestamp"]), said["X-Nonce"], said["X-Signature"], text)


def check_time(signed: Signed, *, now: float) -> None:
    """`now`: unix seconds. Raises TimestampOutside."""
    if abs(signed.timestamp - now) > WINDOW_SECONDS:
        raise TimestampOutside(f"Our clock says {int(now)}.", server_time=int(now))


def matching(signed: Signed, secrets: Iterable[str]) -> int | None:
    """The place of the secret that it was signed with; None where it was none of them."""
    found = None
    for place, secret in enumerate(secrets):  # all are tried: the time tells nothing
        if hmac.compare_digest(sign(secret, signed.text), signed.signature):
            found = place
    return found
