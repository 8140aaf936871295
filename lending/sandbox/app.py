"""The sandbox as an ASGI application: vendors' pages, the control desk, and a front page that explains both."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from html import escape
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from .callbacks import Courier
from .control import CLOCK, VENDORS, Control, Controls, UnknownSetting
from .door import Door
from .people import People, personas
from .store import Store
from .vendors import (
    bureau_b,
    hengzheng,
    heyue,
    identity,
    linjiang,
    operator,
    partner,
    payment,
    platforms,
    risk,
    sms,
    wechat,
)

FRONT_PAGE = Path(__file__).parent / "front.html"
VENDOR_ROUTES = (
    *identity.ROUTES,
    *sms.ROUTES,
    *risk.ROUTES,
    *operator.ROUTES,
    *bureau_b.ROUTES,
    *hengzheng.ROUTES,
    *heyue.ROUTES,
    *linjiang.ROUTES,
    *payment.ROUTES,
    *wechat.ROUTES,
    *partner.ROUTES,
    *platforms.ROUTES,
)


def create_app(state: Path | str) -> Starlette:
    """`state`: the SQLite file that outlives the process (":memory:" where it need not)."""
    personas()  # a missing list stops the start, not the first request
    store = Store(state)
    courier = Courier(store)
    desk = Desk(store)
    door = Door(store=store, controls=desk.controls, people=People(store), ring=courier.ring)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        running = asyncio.create_task(courier.run())
        yield
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        store.close()

    pages = [Route(path, door.endpoint(vendor, page), methods=[method]) for vendor, method, path, page in VENDOR_ROUTES]
    return Starlette(routes=[*pages, *desk.routes()], lifespan=lifespan)


class Desk:
    """The pages for whoever runs the sandbox; unsigned."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.controls = Controls(store)

    def routes(self) -> list[Route]:
        table: tuple[tuple[str, str, Callable[[Request], Awaitable[Response]]], ...] = (
            ("GET", "/", self.front),
            ("GET", "/healthz", self.healthz),
            ("GET", "/sms", self.messages),
            ("GET", "/payment/v1/ledger", self.ledger),
            ("GET", "/partner/{channel}/events", self.partner_events),
            ("DELETE", "/_control", self.reset_all),
            ("PUT", "/_control/{vendor}", self.change),
            ("GET", "/_control/{vendor}", self.show),
            ("DELETE", "/_control/{vendor}", self.reset),
            ("GET", "/_control/{vendor}/calls", self.calls),
        )
        return [Route(path, page, methods=[method]) for method, path, page in table]

    async def front(self, request: Request) -> Response:
        counts = self._store.counts()
        rows = "".join(
            f"<tr><td><code>{vendor}</code></td><td class=n>{counts.get(vendor, 0)}</td>"
            f"<td>{escape(_differences(self.controls.of(vendor).as_json()))}</td></tr>"
            for vendor in VENDORS
        )
        page = FRONT_PAGE.read_text(encoding="utf-8").replace("localhost:8100", escape(request.url.netloc))
        return HTMLResponse(page.replace("<!-- vendors -->", rows))

    async def healthz(self, _: Request) -> Response:
        return PlainTextResponse("ok")

    async def messages(self, request: Request) -> Response:
        phone, limit = request.query_params.get("phone", ""), _limit(request, 50)
        found = self._store.messages(phone.strip().removeprefix("+86"), limit)
        return JSONResponse({"messages": found})

    async def ledger(self, _: Request) -> Response:
        return JSONResponse(payment.ledger(self._store, time.time()))

    async def partner_events(self, request: Request) -> Response:
        return JSONResponse({"events": self._store.partner_events(request.path_params["channel"])})

    async def change(self, request: Request) -> Response:
        vendor = request.path_params["vendor"]
        try:
            settings = json.loads(await request.body())
        except ValueError:
            return _complaint("the body is not JSON")
        if not isinstance(settings, dict):
            return _complaint("the body is not an object")
        if vendor == CLOCK:
            return self._set_clock(settings)
        if vendor not in VENDORS:
            return _unknown_vendor(vendor)
        try:
            return JSONResponse(self.controls.change(vendor, settings).as_json())
        except UnknownSetting as error:
            return _complaint(str(error))

    def _set_clock(self, settings: dict[str, Any]) -> Response:
        offset = settings.get("offset_seconds")
        if isinstance(offset, bool) or not isinstance(offset, (int, float)):
            return _complaint("offset_seconds must be a number")
        self.controls.set_clock(float(offset))
        return JSONResponse({"offset_seconds": float(offset)})

    async def show(self, request: Request) -> Response:
        vendor = request.path_params["vendor"]
        if vendor not in VENDORS:
            return _unknown_vendor(vendor)
        return JSONResponse(self.controls.of(vendor).as_json())

    async def reset(self, request: Request) -> Response:
        vendor = request.path_params["vendor"]
        if vendor not in VENDORS:
            return _unknown_vendor(vendor)
        self.controls.reset(vendor)
        return Response(status_code=204)

    async def reset_all(self, _: Request) -> Response:
        self.controls.reset(None)
        return Response(status_code=204)

    async def calls(self, request: Request) -> Response:
        vendor = request.path_params["vendor"]
        if vendor not in VENDORS:
            return _unknown_vendor(vendor)
        path = request.query_params.get("path", "")
        calls = self._store.calls(vendor, limit=_limit(request, 100), path=path)
        return JSONResponse({"calls": [call | {"body": _readable(call["body"])} for call in calls]})


def _complaint(message: str) -> Response:
    return JSONResponse({"error": {"code": "invalid_request", "message": message}}, 400)


def _unknown_vendor(vendor: str) -> Response:
    message = f"no vendor {vendor!r}; there are {', '.join(VENDORS)}"
    return JSONResponse({"error": {"code": "not_found", "message": message}}, 404)


def _limit(request: Request, default: int) -> int:
    text = request.query_params.get("limit", "")
    return min(int(text), 10_000) if text.isascii() and text.isdecimal() else default


def _readable(body: str) -> Any:
    """The body as JSON where it is JSON, else as the text that came."""
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body


def _differences(settings: dict[str, Any]) -> str:
    usual = Control().as_json()
    return ", ".join(f"{name} = {value}" for name, value in settings.items() if value != usual[name])
