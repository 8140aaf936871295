"""Structured logs: one JSON object a line, with the request and the subject it is about, without personal data."""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from pythonjsonlogger.json import JsonFormatter

context: ContextVar[Mapping[str, str]] = ContextVar("log_context", default=MappingProxyType({}))

PERSONAL_FIELDS = frozenset(
    (
        *("name", "holder", "phone", "mobile", "email", "address", "employer", "contacts"),
        *("id_number", "card_number", "number", "code", "otp"),
        *("token", "access", "refresh", "password", "authorization", "secret"),
    )
)
# Resident ID numbers, mobile numbers, card numbers: whole runs of digits, not parts of a UUID or a longer word.
PERSONAL_PATTERN = re.compile(r"(?<![\w-])(?:\d{17}[\dXx]|(?:\+?86)?1[3-9]\d{9}|\d{12,19})(?![\w-])")


@contextmanager
def bound(**ids: object) -> Iterator[None]:
    """Every line logged inside carries these ids (request_id, task, application_id, …)."""
    token = context.set({**context.get(), **{name: str(value) for name, value in ids.items()}})
    try:
        yield
    finally:
        context.reset(token)


def redact(text: str) -> str:
    """`text` with every number that could be a person's replaced."""
    return PERSONAL_PATTERN.sub("[redacted]", text)


class Formatter(JsonFormatter):
    """Adds the bound ids and redacts the finished line, tracebacks and database messages included."""

    def __init__(self) -> None:
        super().__init__(
            "%(asctime)s %(levelname)s %(name)s %(message)s",
            rename_fields={"asctime": "at", "levelname": "level", "name": "logger"},
            datefmt="%Y-%m-%dT%H:%M:%S%z",
            json_ensure_ascii=False,
        )

    def format(self, record: logging.LogRecord) -> str:
        for name in PERSONAL_FIELDS & record.__dict__.keys() - {"name"}:  # `name` of a record is its logger
            setattr(record, name, "[redacted]")
        record.__dict__.pop("request", None)  # Django's: its text has the query in it
        for name, value in context.get().items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return redact(super().format(record))
