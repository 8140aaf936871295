"""The register of sources as staff keep it: every change has a reason and stands in the history.

A changed value counts from the next question on; what is out meanwhile ends as it began.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

from lending.common.errors import Conflict, Invalid, NotFound
from lending.common.money import format_cents
from users import queries
from users.models import SOURCE_BOUNDS, AskedIn, Source
from users.providers import CHECKERS
from users.rules import freshness
from users.services import acts, amendments

MAY_CHANGE, MAY_CONNECT = "users.change_source", "users.connect_source"
VALUES = (
    *("name_en", "name_zh", "vendor", "product", "price_cents", "currency", "timeout_ms", "retries", "pause_ms"),
    *("max_parallel", "fresh_days", "freshness", "retention_days", "fallback", "dead", "consent_code", "recipient"),
    "authorisation",
)

OF_A_NEW_ONE = ("code", "stage", "scenario", "protocol", "endpoint", *VALUES)
CODE = re.compile(r"[a-z][a-z0-9_]{1,31}")

MAX_PRICE_CENTS, DAYS, MAX_STAGE = 100_000, 3650, 9
_protocols = set(CHECKERS)


class NothingChanged(Conflict):
    code, title = "nothing_changed", "Nothing is different"


class CodeTaken(Conflict):
    code, title = "code_taken", "There is a source of this code already"


class UnknownProtocol(Invalid):
    code, title = "unknown_protocol", "No adapter speaks this protocol"


class FallbackLoops(Invalid):
    code, title = "fallback_loops", "A fallback must not lead back to its source"


class OtherConsent(Invalid):
    code, title = "other_consent", "A source and its fallback stand on one consent and one recipient"


class OtherCurrency(Invalid):
    code, title = "other_currency", "All sources that are switched on are paid in one currency"


class NoSuchConsent(Invalid):
    code, title = "no_such_consent", "No document in force names this recipient"


class BadAddress(Invalid):
    code, title = "bad_address", "Not an address that data may be sent to"


class NoCredentials(Conflict):
    code, title = "no_credentials", "It cannot be switched on without an address and credentials"


def spoken_by(protocols: Iterable[str]) -> None:
    """More protocols that an adapter of an app above speaks; said once, when that app is loaded."""
    _protocols.update(protocols)


def protocols() -> tuple[str, ...]:
    """Those that a new source may speak."""
    return tuple(sorted(_protocols))


def add(*, values: Mapping[str, Any], by: str, reason: str, at: datetime) -> int:
    """A source that nobody asks yet: switched off, and without credentials. Returns its id.

    `values`: all of OF_A_NEW_ONE; `fallback` is a code or "". Raises CodeTaken, UnknownProtocol, BadAddress, Invalid
    with its fields, OtherConsent, NoSuchConsent, NotAllowed, ReasonRequired.
    """
    acts.require(by=by, permission=MAY_CONNECT)
    if wrong := set(values) ^ set(OF_A_NEW_ONE):
        raise Invalid(fields=dict.fromkeys(wrong, "Said once, and nothing else."))
    source = Source(**{**values, "fallback": _source(values["fallback"])}, enabled=False)
    if not CODE.fullmatch(source.code):
        raise Invalid(fields={"code": "Small letters, digits and _, at most 32; a letter first."})
    if Source.objects.filter(code=source.code).exists():
        raise CodeTaken(fields={"code": CodeTaken.title})
    if source.protocol not in _protocols:
        raise UnknownProtocol(fields={"protocol": UnknownProtocol.title})
    if not (isinstance(source.stage, int) and 0 <= source.stage <= MAX_STAGE):
        raise Invalid(fields={"stage": f"From 0 to {MAX_STAGE}."})
    _check_address(source.endpoint)
    _check_values(source)
    _check_fallback(source)
    _check_consent(source, at)
    acts.record(by=by, act="add_source", subject=_subject(source), reason=reason, at=at, permission=MAY_CHANGE)
    told = {name: ("", shown(name, getattr(source, name))) for name in OF_A_NEW_ONE}
    amendments.record(subject=_subject(source), changed=told | {"enabled": ("", "off")}, by=by, reason=reason, at=at)
    source.save(force_insert=True)
    return source.pk


def change(*, source_id: int, values: Mapping[str, Any], by: str, reason: str, at: datetime) -> None:
    """`values`: any of VALUES; `fallback` is a code or "". Raises NotFound, NothingChanged, Invalid with its fields,
    FallbackLoops, OtherConsent, OtherCurrency, NoSuchConsent, NotAllowed, ReasonRequired.
    """
    source = _locked(source_id)
    before = {name: getattr(source, name) for name in VALUES}
    for name, value in values.items():
        if name not in VALUES:
            raise Invalid(f"{name} is not changed here.", fields={name: "Not changed here."})
        setattr(source, name, _source(value) if name == "fallback" else value)
    changed = [name for name in VALUES if getattr(source, name) != before[name]]
    if not changed:
        raise NothingChanged()
    _check_values(source)
    _check_fallback(source)
    _check_currency(source)
    if {"consent_code", "recipient"} & set(changed):
        _check_consent(source, at)
    acts.record(by=by, act="change_source", subject=_subject(source), reason=reason, at=at, permission=MAY_CHANGE)
    told = {name: (shown(name, before[name]), shown(name, getattr(source, name))) for name in changed}
    amendments.record(subject=_subject(source), changed=told, by=by, reason=reason, at=at)
    source.save(update_fields=changed)


def switch(*, source_id: int, on: bool, by: str, reason: str, at: datetime) -> None:
    """Raises NotFound, NothingChanged, NoCredentials, OtherCurrency, NotAllowed, ReasonRequired."""
    source = _locked(source_id)
    if source.enabled == on:
        raise NothingChanged(f"{source.code} is {'on' if on else 'off'} already.")
    source.enabled = on
    if on and source.endpoint and not (source.credentials or {}).get("secret"):
        raise NoCredentials()
    _check_currency(source)
    acts.record(by=by, act="switch_source", subject=_subject(source), reason=reason, at=at, permission=MAY_CHANGE)
    told = {"enabled": (shown("enabled", not on), shown("enabled", on))}
    amendments.record(subject=_subject(source), changed=told, by=by, reason=reason, at=at)
    source.save(update_fields=["enabled"])


def connect(*, source_id: int, endpoint: str, client_id: str, secret: str, by: str, reason: str, at: datetime) -> None:
    """Where it is reached, and with what. An empty `secret` keeps the credentials that are there; nobody reads them.

    Raises NotFound, NothingChanged, BadAddress, Invalid with its fields, NotAllowed, ReasonRequired.
    """
    source = _locked(source_id)
    if not source.endpoint:
        raise BadAddress("This source is answered inside.", fields={"endpoint": "It is answered inside."})
    _check_address(endpoint)
    if bool(client_id) != bool(secret):
        raise Invalid(fields={"secret" if client_id else "client_id": "Client id and secret are given together."})
    told: dict[str, tuple[str, str]] = {}
    if endpoint != source.endpoint:
        told["endpoint"] = (source.endpoint, endpoint)
        source.endpoint = endpoint
    if secret:
        told["credentials"] = ("set" if source.credentials else "none", "replaced" if source.credentials else "set")
        source.credentials = {"client_id": client_id, "secret": secret}
    if not told:
        raise NothingChanged()
    acts.record(by=by, act="connect_source", subject=_subject(source), reason=reason, at=at, permission=MAY_CONNECT)
    amendments.record(subject=_subject(source), changed=told, by=by, reason=reason, at=at)
    source.save(update_fields=[*told])


def shown(name: str, value: Any) -> str:
    """A value as the history writes it."""
    if name == "price_cents":
        return format_cents(value, "").strip()
    if name == "freshness":
        return freshness.told(value)
    if isinstance(value, bool):
        return "on" if value else "off"
    return "-" if value in (None, "") else str(value)


def _locked(source_id: int) -> Source:
    row = Source.objects.select_for_update(of=("self",)).filter(pk=source_id).first()
    if row is None:
        raise NotFound("There is no such source.")
    return row


def _subject(source: Source) -> str:
    return f"source:{source.code}"


def _source(code: str) -> Source | None:
    """None for no code at all."""
    if not code:
        return None
    row = Source.objects.filter(code=code).first()
    if row is None:
        raise Invalid(fields={"fallback": "There is no such source."})
    return row


def _check_values(source: Source) -> None:
    """Ranges as the database holds them, said by field."""
    faults = {name: "Say it." for name in ("name_en", "name_zh", "vendor", "product") if not getattr(source, name)}
    try:
        source.full_clean(exclude=["code", "credentials", "endpoint", "fallback"], validate_constraints=False)
    except ValidationError as error:
        faults |= {name: texts[0] for name, texts in error.message_dict.items()}
    for name, (least, most) in SOURCE_BOUNDS.items():
        value = getattr(source, name)
        if value is None or not least <= value <= most:
            faults[name] = f"From {least:,} to {most:,}."
    if source.price_cents > MAX_PRICE_CENTS:
        faults["price_cents"] = "At most 1,000.00."
    if unknown := set(source.freshness) - set(AskedIn.values):
        faults["freshness"] = f"There is no scenario {min(unknown)!r}."
    if any(days is not None and not 0 <= days <= DAYS for days in source.freshness.values()):
        faults["freshness"] = f"From 0 to {DAYS:,} days."
    if len(source.currency) != 3 or not (source.currency.isascii() and source.currency.isupper()):
        faults["currency"] = "Three capital letters, as CNY."
    if faults:
        raise Invalid("Some values are not possible.", fields=faults)


def _check_fallback(source: Source) -> None:
    """The nearest two: whom it falls back on, and who falls back on it."""
    second, seen = source.fallback, {source.pk}
    while second is not None:
        if second.pk in seen:
            raise FallbackLoops(fields={"fallback": FallbackLoops.title})
        seen.add(second.pk)
        second = second.fallback
    pairs = [source.fallback] if source.fallback else []
    for other in (*pairs, *(source.fallback_of.all() if source.pk else ())):
        if (other.consent_code, other.recipient) != (source.consent_code, source.recipient):
            raise OtherConsent(
                f"{other.code} sends to {other.recipient} under {other.consent_code}.",
                fields={"fallback": OtherConsent.title},
            )


def _check_currency(source: Source) -> None:
    others = Source.objects.filter(enabled=True).exclude(pk=source.pk).exclude(currency=source.currency)
    if source.enabled and (other := others.first()):
        raise OtherCurrency(f"{other.code} is paid in {other.currency}.", fields={"currency": OtherCurrency.title})


def _check_consent(source: Source, at: datetime) -> None:
    document = queries.document(source.consent_code, at)
    if document is None or source.recipient not in document.recipients:
        raise NoSuchConsent(
            f"{source.consent_code} does not name {source.recipient}.", fields={"recipient": NoSuchConsent.title}
        )


def _check_address(endpoint: str) -> None:
    """A path behind the gateway, or a whole address: encrypted, unless it is the sandbox's own host."""
    parts = urlsplit(endpoint)
    if not parts.scheme and not parts.netloc and endpoint.startswith("/") and not endpoint.startswith("//"):
        return
    sandbox = urlsplit(getattr(settings, "SANDBOX_URL", "") or "")
    is_plain_sandbox = parts.scheme == "http" and bool(sandbox.netloc) and parts.netloc == sandbox.netloc
    if not parts.hostname or parts.username or not (parts.scheme == "https" or is_plain_sandbox):
        raise BadAddress(fields={"endpoint": "A path that begins with /, or a whole address with https://."})
