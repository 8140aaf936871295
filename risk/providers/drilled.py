"""A data source during an outage drill: it fails as drilled, and is not called."""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp

from lending.common import clock, drill
from risk.providers.base import Query, Subject
from users.queries import SourceView


def drillable(query: Query) -> Query:
    """The adapter, heeding drills."""

    async def asked(
        *, client: aiohttp.ClientSession, source: SourceView, key: str, subject: Subject
    ) -> Mapping[str, Any]:
        # The demo's clock reads the database, which no event loop may.
        if source.drill and (mode := source.drilled(await asyncio.to_thread(clock.now))):
            if mode == "slow":
                await asyncio.sleep(source.timeout_ms / 1000)
            raise drill.fault(mode, source.code)
        return await query(client=client, source=source, key=key, subject=subject)

    return asked
