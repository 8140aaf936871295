"""One event loop a process for all vendor calls; database acts stay on the threads that wait for it.

A fork starts without the parent's loop, so it is kept by process id.
"""

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from lending.common import http

T = TypeVar("T")

_lock = threading.Lock()
_running: dict[int, "_Running"] = {}


@dataclass(frozen=True)
class _Running:
    """`context` is what keeps the client open: collected, it would close it."""

    loop: asyncio.AbstractEventLoop
    client: httpx.AsyncClient
    context: AbstractAsyncContextManager[httpx.AsyncClient]


def client() -> httpx.AsyncClient:
    return _ours().client


def submit(work: Coroutine[Any, Any, T]) -> "Future[T]":
    """Start `work` on the loop; the future may be waited for on any thread."""
    return asyncio.run_coroutine_threadsafe(work, _ours().loop)


def _ours() -> _Running:
    with _lock:
        if os.getpid() not in _running:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="vendor-calls", daemon=True).start()
            context: AbstractAsyncContextManager[httpx.AsyncClient] = http.aclient()
            opened = asyncio.run_coroutine_threadsafe(_enter(context), loop).result()
            _running[os.getpid()] = _Running(loop, opened, context)
        return _running[os.getpid()]


async def _enter(context: AbstractAsyncContextManager[httpx.AsyncClient]) -> httpx.AsyncClient:
    return await context.__aenter__()
