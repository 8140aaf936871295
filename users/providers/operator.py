"""Authorisation of a phone operator's report by the number's own holder, protocol operator-auth-v1.

The carrier decides which way it goes: it texts a code of its own, or shows a page of its own and then calls back. Every
answer is the whole standing of the authorisation, under the key that it was begun with, so that what was lost is asked
for and nothing is done twice:

    {key, carrier, status, page?, code_key?, token?, valid_until?}

`status`: code_sent, redirect, authorised, refused, expired. `code_key`: of the last code that the carrier looked at;
where the status is still code_sent, that code was wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from lending.common import http
from lending.common.errors import PermanentError
from users.providers.base import malformed
from users.providers.drilled import heed
from users.queries import SourceView

STATUSES = ("code_sent", "redirect", "authorised", "refused", "expired")
NOT_OF_THIS_NUMBER = frozenset({"not_subscriber", "not_supported"})  # refused for good; nobody's fault
UNKNOWN_KEY = "no_such_key"
MAX_TOKEN = 2_000


@dataclass(frozen=True)
class Standing:
    """How an authorisation stands at the carrier. `page`, `token`, `valid_until`: where the status brings them."""

    key: str
    status: str
    carrier: str
    code_key: str
    page: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    valid_until: datetime | None = None


@dataclass(frozen=True)
class Holder:
    """Who asks, for which number. The browser comes back to `return_url` with `state`."""

    name: str = field(repr=False)
    id_number: str = field(repr=False)
    phone: str = field(repr=False)
    callback_url: str
    return_url: str
    state: str = field(repr=False)


def begin(source: SourceView, *, key: str, holder: Holder, at: datetime) -> Standing:
    """Raises as `http.call`; PermanentError with a code of NOT_OF_THIS_NUMBER."""
    return _ask(source, "POST", "", key, {**vars(holder), "requested_at": at.isoformat()})


def send_code(source: SourceView, *, key: str, code_key: str, code: str, at: datetime) -> Standing:
    """Raises as `http.call`. The same `code_key` is one try, however often it is sent."""
    body = {"code_key": code_key, "code": code, "requested_at": at.isoformat()}
    standing = _ask(source, "POST", f"/{key}/code", key, body)
    if standing.code_key != code_key or standing.status == "redirect":
        raise malformed(source, "code_key")
    return standing


def query(source: SourceView, *, key: str) -> Standing | None:
    """None: the carrier never heard of this key, so nothing happened. Raises as `http.call`."""
    try:
        return _ask(source, "GET", f"/{key}", key, None)
    except PermanentError as error:
        if error.code == UNKNOWN_KEY:
            return None
        raise


def read(source: SourceView, answer: Mapping[str, Any]) -> Standing:
    """Of an answer, or of what a callback tells. Raises PermanentError where it is not what was agreed."""
    texts = {name: answer.get(name) or "" for name in ("key", "status", "carrier", "code_key", "page", "token")}
    if not all(isinstance(value, str) for value in texts.values()):
        raise malformed(source, "types")
    if texts["status"] not in STATUSES:
        raise malformed(source, "status")
    until: datetime | None = None
    if texts["status"] == "authorised":
        until = _instant(source, answer.get("valid_until"))
        if not 0 < len(texts["token"]) <= MAX_TOKEN:
            raise malformed(source, "token")
    if texts["status"] == "redirect" and not _is_page(texts["page"], source):
        raise malformed(source, "page")
    return Standing(**(texts | {"carrier": texts["carrier"][:32]}), valid_until=until)


def _ask(source: SourceView, method: str, path: str, key: str, body: Mapping[str, Any] | None) -> Standing:
    heed(source)
    answer = http.call(
        vendor=source.code,
        method=method,
        url=f"{source.endpoint}{path}",
        json=None if body is None else {"key": key, **body},
        client_id=source.client_id,
        secret=source.secret,
        timeout_ms=source.timeout_ms,
    )
    standing = read(source, answer)
    if standing.key != key:
        raise malformed(source, "key")
    return standing


def _instant(source: SourceView, text: Any) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise malformed(source, "valid_until") from None
    if instant.tzinfo is None:
        raise malformed(source, "valid_until without an offset")
    return instant


def _is_page(address: str, source: SourceView) -> bool:
    """An address to send a browser to: encrypted, unless the vendor itself is spoken to in plain (the sandbox)."""
    parts, own = urlsplit(address), urlsplit(source.endpoint)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme, own.scheme) == ("http", "http"))
