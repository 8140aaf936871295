"""What an adapter of a data source is: one coroutine a vendor protocol."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

import httpx

from users.queries import SourceView


@dataclass(frozen=True)
class Subject:
    """The person asked about. A protocol sends only what its source needs."""

    name: str = field(repr=False)
    id_number: str = field(repr=False)
    phone: str = field(repr=False)
    birth_date: date | None = field(repr=False)


class Query(Protocol):
    def __call__(
        self, *, client: httpx.AsyncClient, source: SourceView, key: str, subject: Subject
    ) -> Awaitable[Mapping[str, Any]]:
        """The vendor's answer as it came, with an object under `data`.

        `key` makes the question repeatable: the same key gives the same answer and is billed once. Raises
        TransientError (nothing happened), UnknownOutcome (sent, no answer in time) or PermanentError (refused,
        or code "malformed").
        """
        ...
