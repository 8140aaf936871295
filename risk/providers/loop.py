"""One event loop a process for all vendor calls; database acts stay on the threads that wait for it.

A fork starts without the parent's loop, so it is kept by process id. Each vendor has connections and places of its
own: one that is slow takes nothing from the others.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp

from lending.common import http

T = TypeVar("T")

CLOSING_SECONDS = 2

_lock = threading.Lock()
_running: dict[int, "_Running"] = {}


@dataclass(frozen=True)
class _Running:
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread
    clients: dict[str, aiohttp.ClientSession] = field(default_factory=dict)
    places: dict[tuple[str, int], asyncio.Semaphore] = field(default_factory=dict)


def client(vendor: str) -> aiohttp.ClientSession:
    """The vendor's own connections. To be asked for on the loop."""
    clients = _ours().clients
    if vendor not in clients:
        clients[vendor] = http.aclient()
    return clients[vendor]


def place(vendor: str, at_most: int) -> asyncio.Semaphore:
    """Holds one of the calls that this process may have at the vendor at once. To be asked for on the loop."""
    places = _ours().places
    if (vendor, at_most) not in places:
        places[vendor, at_most] = asyncio.Semaphore(at_most)
    return places[vendor, at_most]


def submit(work: Coroutine[Any, Any, T]) -> "Future[T]":
    """Start `work` on the loop; the future may be waited for on any thread."""
    return asyncio.run_coroutine_threadsafe(work, _ours().loop)


@atexit.register
def _close() -> None:
    """Give connections back before the loop goes with its process."""
    running = _running.get(os.getpid())
    if running is not None and running.thread.is_alive():

        async def close() -> None:
            for each in running.clients.values():
                await each.close()

        asyncio.run_coroutine_threadsafe(close(), running.loop).result(timeout=CLOSING_SECONDS)


def _ours() -> _Running:
    running = _running.get(os.getpid())
    if running is not None and running.thread.is_alive():
        return running
    with _lock:
        running = _running.get(os.getpid())
        if running is None or not running.thread.is_alive():
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=loop.run_forever, name="vendor-calls", daemon=True)
            thread.start()
            running = _running[os.getpid()] = _Running(loop, thread)
        return running
