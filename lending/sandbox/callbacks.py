"""Delivers vendors' events to the platform: signed, at least once, with back-off, and again after a restart."""

import asyncio
import logging
import time
from urllib.parse import urlsplit

import httpx

from . import signing
from .store import Callback, Store

logger = logging.getLogger(__name__)

GIVE_UP_SECONDS = 24 * 3600
TIMEOUT_SECONDS = 5.0
AT_ONCE = 32


def back_off(attempts: int) -> float:
    """Seconds until the next attempt after `attempts` failed ones: 0.5, 1, 2, … at most a minute."""
    return float(min(0.5 * 2 ** min(attempts, 8), 60.0))


class Courier:
    """`run` until cancelled; `ring` makes it look for new events at once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._bell = asyncio.Event()
        self._under_way: dict[str, asyncio.Task[None]] = {}

    def ring(self) -> None:
        self._bell.set()

    async def run(self) -> None:
        limits = httpx.Limits(max_connections=AT_ONCE)
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False, limits=limits) as client:
            while True:
                self._bell.clear()
                now = time.time()  # one instant for both, or what falls due between them would wait for the next ring
                self._send_due(client, now)
                await self._wait(now)

    def _send_due(self, client: httpx.AsyncClient, now: float) -> None:
        for callback in self._store.due_callbacks(now, AT_ONCE * 2):
            if callback.event_id not in self._under_way and len(self._under_way) < AT_ONCE:
                task = asyncio.create_task(self._deliver(client, callback))
                self._under_way[callback.event_id] = task

    async def _wait(self, now: float) -> None:
        due = self._store.next_callback_due(now)
        seconds = 60.0 if due is None else max(due - time.time(), 0.005)
        try:
            await asyncio.wait_for(self._bell.wait(), seconds)
        except TimeoutError:
            return

    async def _deliver(self, client: httpx.AsyncClient, callback: Callback) -> None:
        try:
            accepted = [await self._post(client, callback) for _ in range(callback.copies)]
            now = time.time()
            if any(accepted):
                self._store.callback_done(callback.event_id, now)
            elif now - callback.created > GIVE_UP_SECONDS:
                logger.warning("callback given up", extra={"vendor": callback.vendor, "event_id": callback.event_id})
                self._store.callback_done(callback.event_id, now)
            else:
                self._store.callback_failed(callback.event_id, now + back_off(callback.attempts))
        finally:
            del self._under_way[callback.event_id]
            self.ring()

    async def _post(self, client: httpx.AsyncClient, callback: Callback) -> bool:
        body = callback.body.encode()
        try:
            parts = urlsplit(callback.url)
            path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
            headers = signing.headers(
                vendor=callback.vendor,
                client_id=callback.vendor,
                method="POST",
                path=path,
                body=body,
                now=time.time(),
            )
            response = await client.post(callback.url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            logger.info("callback not delivered", extra={"vendor": callback.vendor, "error": type(error).__name__})
            return False
        return response.is_success
