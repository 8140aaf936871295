"""What happens to every vendor request alike: signature, body, faults, the record of the call, the answer.

A vendor's page is a plain function from `Call` to `Answer`; it raises `Refused` for a 4xx. It never waits: what takes
time (a funder's decision, a payment's settling) is a plan of instants stored with the effect.
"""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from . import signing
from .control import Control, Controls, chance, texts
from .people import People, Person
from .store import Callback, Effect, Store

MAX_BODY = 1_000_000
MAX_PICTURES = 12_000_000  # of a vendor that reads pictures
WITH_PICTURES = frozenset({"ocr"})
OF_A_BROWSER = frozenset(  # opened by people, who sign nothing
    {"/face/v1/live", "/face/v1/kit", "/operator/v1/page", "/operator/v1/decide"}
)
LONG_TEXT = re.compile(r'"[^"]{2000,}"')  # the record of calls keeps no pictures
WITH_FORMS = frozenset({"bureau_b", "card4_b", "sunny"})  # its requests are form fields
ANY_OBJECT = frozenset({"partner"})  # all that is agreed of its answers
UNSIGNED = frozenset({"wechat"})  # its wire is not ours: the secret stands in the query


class Refused(Exception):
    """A permanent error: nothing was done."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        self.code, self.message, self.status = code, message, status
        super().__init__(message)


@dataclass(frozen=True)
class Answer:
    """`hold`: the effect is done and the line then goes quiet for `hang_ms`. `location`: where a browser goes next;
    `page`: HTML that it shows."""

    content: Any
    status: int = 200
    hold: bool = False
    location: str = ""
    page: str = ""
    cookies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One request as a vendor's page sees it; a GET's query is its `body`. `now` is real time, `now + offset` the
    platform's where it said so; `base`: where the sandbox itself was reached."""

    vendor: str
    body: dict[str, Any]
    path: Mapping[str, str]
    control: Control
    store: Store
    people: People
    now: float
    offset: float
    cookies: Mapping[str, str]
    base: str

    def text(self, *names: str) -> str:
        """A required text of the body, by path of names. Raises Refused."""
        value: Any = self.body
        for name in names:
            value = value.get(name) if isinstance(value, Mapping) else None
        if not isinstance(value, str) or not value.strip():
            raise Refused("invalid_request", f"{'.'.join(names)} is missing")
        return value

    def cents(self, name: str) -> int:
        value = self.body.get(name)
        if type(value) is not int or value <= 0:
            raise Refused("invalid_request", f"{name} must be a positive integer")
        return value

    def person(self) -> Person | None:
        return self.people.find(self.body)

    def forced(self, person: Person | None) -> str | None:
        """The outcome set by `force` for something this request carries, or for its demo row."""
        force = self.control.force
        if not force:
            return None
        if person is not None and person.demo and str(person.row) in force:
            return force[str(person.row)]
        return next((force[text] for text in texts(self.body) if text in force), None)

    def instant(self, real: float) -> str:
        """A real instant as this request's business time, RFC 3339."""
        return datetime.fromtimestamp(real + self.offset, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Page = Callable[[Call], Answer]


def once(call: Call, make: Callable[[], tuple[dict[str, Any], list[Callback]]]) -> dict[str, Any]:
    """The record of the effect under the body's key, made at the first request. Raises Refused for another body."""
    key, digest = call.text("key"), _digest(call.body)
    known = call.store.effect(call.vendor, key)
    if known is None:
        record, callbacks = make()
        with call.store.atomic():
            call.store.add_effect(call.vendor, Effect(key, digest, record), at=call.now)
            for callback in callbacks:
                call.store.add_callback(callback)
        return record
    if known.digest != digest:
        raise Refused("key_reused", "this key was used with another request", 409)
    return known.record


@dataclass(frozen=True)
class Happening:
    """Something a vendor tells of by callback: `due` is the real instant at which it is true."""

    kind: str
    due: float
    content: dict[str, Any]


def callbacks(call: Call, happenings: Sequence[Happening]) -> list[Callback]:
    """One subject's events as rows to deliver, in their order: none without an address, fewer where control drops some.

    With `reorder_callbacks` the last goes out first and the others follow it, each subject up to half a second later,
    so that subjects overtake each other too.
    """
    url, control = call.body.get("callback_url"), call.control
    if not isinstance(url, str) or not url or not happenings:
        return []
    last, rows = happenings[-1].due, []
    for steps_from_last, each in enumerate(reversed(happenings)):
        subject = (control.seed, call.vendor, each.content["key"])
        if chance("drop", *subject, each.kind) < control.drop_callback_rate:
            continue
        sent_at = (
            last + 0.3 * steps_from_last + chance("reorder", *subject) / 2 if control.reorder_callbacks else each.due
        )
        event_id = str(uuid4())
        body = {"event_id": event_id, "type": each.kind, "occurred_at": call.instant(each.due), "data": each.content}
        text = json.dumps(body, ensure_ascii=False)
        due = sent_at + control.callback_delay_ms / 1000
        rows.append(Callback(event_id, call.vendor, url, text, due, call.now, 0, 1 + control.duplicate_callbacks))
    return rows


class Door:
    """Turns vendors' pages into endpoints. `ring` is called after a request that may have queued callbacks."""

    def __init__(self, *, store: Store, controls: Controls, people: People, ring: Callable[[], None]) -> None:
        self.store, self.controls, self.people, self._ring = store, controls, people, ring

    def endpoint(self, vendor: str, page: Page) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            return await self._serve(vendor, page, request)

        return serve

    async def _serve(self, vendor: str, page: Page, request: Request) -> Response:
        raw, now, control = await request.body(), time.time(), self.controls.of(vendor)
        path = sent_path(request)
        # Each partner has a secret of its own.
        signer = str(request.path_params["channel"]) if vendor == "partner" else vendor
        complaint = (
            signing.problem_with(request.headers, vendor=signer, method=request.method, path=path, body=raw, now=now)
            if vendor not in UNSIGNED and request.url.path not in OF_A_BROWSER
            else None
        )
        print_ = sha256(f"{request.method}\n{path}\n".encode() + raw).hexdigest()[:24]
        fault = "" if complaint else self._fault(vendor, control, print_)
        if complaint:
            answer = _error(401, "bad_signature", complaint)
        elif fault in ("error", "lost"):
            answer = _error(control.error_status, "vendor_error", "switched on by control")
        else:
            answer = self._ask(vendor, page, request, raw, now, control)
        self.store.record_call(
            vendor=vendor,
            at=now,
            method=request.method,
            path=path,
            body=_kept(raw, vendor),
            print_=print_,
            status=answer.status,
            fault=fault or ("held" if answer.hold else ""),
        )
        self._ring()
        held = control.hang_ms if answer.hold or fault in ("lost", "timeout") else 0
        if held + control.latency_ms:
            with suppress(asyncio.CancelledError):  # the client has gone, or the sandbox stops: nobody waits any more
                await asyncio.sleep((held + control.latency_ms) / 1000)
        if fault == "malformed":
            return _malformed(vendor, print_, answer)
        return _response(answer)

    def _fault(self, vendor: str, control: Control, print_: str) -> str:
        """Which fault this request meets. A repeated request draws anew, so that a retry can get through."""
        rates = {
            "error": control.error_rate,
            "lost": control.lost_rate,
            "timeout": control.timeout_rate,
            "malformed": control.malformed_rate,
        }
        if not any(rates.values()):
            return ""
        again = self.store.times_seen(vendor, print_)
        drawn = (name for name, rate in rates.items() if chance(control.seed, vendor, name, print_, again) < rate)
        return next(drawn, "")

    def _ask(self, vendor: str, page: Page, request: Request, raw: bytes, now: float, control: Control) -> Answer:
        try:
            most = MAX_PICTURES if vendor in WITH_PICTURES else MAX_BODY
            body = dict(request.query_params) if request.method == "GET" else _body(vendor, raw, most)
            call = Call(
                vendor=vendor,
                body=body,
                path=request.path_params,
                control=control,
                store=self.store,
                people=self.people,
                now=now,
                offset=_offset(body, now, self.controls.offset_seconds),
                cookies=request.cookies,
                base=str(request.base_url).rstrip("/"),
            )
            return page(call)
        except Refused as refusal:
            return _error(refusal.status, refusal.code, refusal.message)


def sent_path(request: Request) -> str:
    """The path as the client wrote it, percent-encoding and query included: what was signed."""
    raw_path = request.scope.get("raw_path")
    path = raw_path.decode() if raw_path else request.url.path
    return f"{path}?{request.url.query}" if request.url.query else path


def _response(answer: Answer) -> Response:
    if answer.page:
        return HTMLResponse(answer.page, answer.status)
    headers = {"Retry-After": "1"} if answer.status == 429 else None
    response: Response = (
        RedirectResponse(answer.location, answer.status)
        if answer.location
        else JSONResponse(answer.content, answer.status, headers=headers)
    )
    for name, value in answer.cookies.items():
        response.set_cookie(name, value, samesite="lax")
    return response


def _error(status: int, code: str, message: str) -> Answer:
    return Answer({"error": {"code": code, "message": message}}, status)


def _kept(raw: bytes, vendor: str) -> str:
    """A body as the record of calls has it."""
    text = raw.decode(errors="replace")
    if vendor not in WITH_PICTURES:
        return text
    return LONG_TEXT.sub(lambda found: f'"{len(found[0]) - 2} letters"', text)


def _body(vendor: str, raw: bytes, most: int) -> dict[str, Any]:
    return dict(parse_qsl(raw.decode(errors="replace"))) if vendor in WITH_FORMS else _object(raw, most)


def _object(raw: bytes, most: int = MAX_BODY) -> dict[str, Any]:
    if len(raw) > most:
        raise Refused("too_large", f"at most {most // 1_000_000} MB", 413)
    try:
        value = json.loads(raw)
    except ValueError:
        raise Refused("invalid_request", "the body is not JSON") from None
    if not isinstance(value, dict):
        raise Refused("invalid_request", "the body is not an object")
    return value


def _offset(body: Mapping[str, Any], now: float, default: float) -> float:
    said = body.get("requested_at")
    if said is None:
        return default
    try:
        at = datetime.fromisoformat(said)
    except (TypeError, ValueError):
        raise Refused("invalid_request", "requested_at is not RFC 3339") from None
    if at.tzinfo is None:
        raise Refused("invalid_request", "requested_at has no offset")
    return at.timestamp() - now


def _digest(body: Mapping[str, Any]) -> str:
    """What makes two requests the same: all but where to call back and when it was asked."""
    told = {name: value for name, value in body.items() if name not in ("callback_url", "requested_at")}
    return sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _malformed(vendor: str, print_: str, answer: Answer) -> Response:
    """Four ways not to keep to a format, by the request; to a partner's any object does."""
    whole = json.dumps(answer.content, ensure_ascii=False)
    bodies = [whole[: len(whole) // 2], "[]", "<html><body>Service temporarily unavailable</body></html>"]
    if vendor not in ANY_OBJECT:
        bodies.append("{}")
    return Response(bodies[int(print_, 16) % len(bodies)], 200, media_type="application/json")
