"""The calls of one stage, on the event loop of the process: side by side, retried, limited; they never fail."""

import asyncio
import json
import logging
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lending.common import breaker
from lending.common.errors import Malformed, TransientError, UnknownOutcome, VendorError
from risk.providers import QUERIES, loop
from risk.providers.base import Subject
from risk.rules.catalogue import Unreadable, VariableSpec, read
from users.queries import SourceView

logger = logging.getLogger(__name__)

SETTLE_SECONDS = 0.25  # an answer lies in memory no longer: whoever dies then asks again under its key


@dataclass(frozen=True)
class Question:
    """`specs`: what the answer must hold, be it that of the source's fallback."""

    pull_id: int
    key: str
    source: SourceView
    subject: Subject
    specs: Sequence[VariableSpec]


@dataclass(frozen=True)
class Answer:
    """What came of one call: the raw payload, or the failure, or both where the payload could not be read.

    `spent_cents`: an answer that nobody can read is billed, and one that was lost may be.
    """

    pull_id: int
    payload: Mapping[str, Any] | None
    failure: str
    spent_cents: int
    latency_ms: int

    @property
    def is_dead(self) -> bool:
        return bool(self.failure)


@dataclass
class Calls:
    """Those of a stage that are out."""

    _out: "set[asyncio.Task[Answer]]" = field(default_factory=set)

    @property
    def are_out(self) -> bool:
        return bool(self._out)

    async def answers(self, questions: Iterable[Question]) -> list[Answer]:
        """Start these, and wait for the first answer and what comes close behind it; not where a fallback is due."""
        self._out |= {asyncio.create_task(_ask(question)) for question in questions}
        found: list[Answer] = []
        until: float | None = None
        while self._out and not any(answer.is_dead for answer in found):
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                break
            done, self._out = await asyncio.wait(self._out, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            found += [task.result() for task in done]
            until = until or time.monotonic() + SETTLE_SECONDS
        return found


async def _ask(question: Question) -> Answer:
    source, started = question.source, time.monotonic()

    def answer(payload: Mapping[str, Any] | None, failure: str, spent_cents: int) -> Answer:
        taken = int((time.monotonic() - started) * 1000)
        return Answer(question.pull_id, payload, _printable(failure), spent_cents, taken)

    retries = source.retries
    for tried in range(retries + 1):
        try:
            async with loop.place(source.code, source.max_parallel):
                payload = await _call(question)
            read(question.specs, payload.get("data"))
        except TransientError as error:
            if tried < retries and error.code != breaker.CODE:  # an open breaker sends to the fallback at once
                pause = source.pause_ms / 1000 * 2**tried
                await asyncio.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311  so that not all come back at once
                continue
            return answer(None, f"{error.code}: {error}", 0)
        except Malformed as error:
            return answer(_kept(error.raw), f"{error.code}: {error}", source.price_cents if error.billed else 0)
        except VendorError as error:
            spent_cents = source.price_cents if isinstance(error, UnknownOutcome) else 0
            return answer(None, f"{error.code}: {error}", spent_cents)
        except Unreadable as error:
            return answer(payload, f"malformed: {error}", source.price_cents)
        except Exception as error:
            logger.exception("an adapter failed", extra={"source": source.code, "key": question.key})
            return answer(None, f"adapter: {type(error).__name__}", source.price_cents)
        return answer(payload, "", source.price_cents)
    raise AssertionError("a try either answers or ends")


async def _call(question: Question) -> Mapping[str, Any]:
    """The one place from which a data vendor is called."""
    source = question.source
    query = QUERIES[source.protocol]
    return await query(client=loop.client(source.code), source=source, key=question.key, subject=question.subject)


def _kept(raw: Any) -> Mapping[str, Any] | None:
    """Something that was not understood, as far as it can be stored."""
    try:
        json.dumps(raw, ensure_ascii=False).encode()
    except (TypeError, ValueError):
        return {"text": ascii(raw)[:1000]}
    return raw if isinstance(raw, Mapping) else None


def _printable(text: str) -> str:
    """A vendor's words may hold what no column takes."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:200])
