"""What an adapter of a data source is: one coroutine a vendor protocol."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

import aiohttp

from users.queries import SourceView


@dataclass(frozen=True)
class Subject:
    """The person asked about. A protocol sends only what its source needs.

    `device_id`: the fingerprint of the device seen last; "" where none is known.
    `tokens`: of the authorisations that the person has given elsewhere and that are live, by what they are for.
    """

    name: str = field(repr=False)
    id_number: str = field(repr=False)
    phone: str = field(repr=False)
    birth_date: date | None = field(repr=False)
    device_id: str = field(default="", repr=False)
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)


class Query(Protocol):
    def __call__(
        self, *, client: aiohttp.ClientSession, source: SourceView, key: str, subject: Subject
    ) -> Awaitable[Mapping[str, Any]]:
        """The vendor's answer as it came, with an object under `data`.

        `key` makes the question repeatable: the same key gives the same answer and is billed once. Raises
        TransientError (nothing happened), UnknownOutcome (sent, no answer in time) or PermanentError (refused,
        or code "malformed").
        """
        ...
