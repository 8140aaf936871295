"""The one way to a single row for a caller: theirs, or NotFound."""

from collections.abc import Iterable
from typing import TypeVar

from django.db import models
from django.db.models import QuerySet

from lending.common.errors import NotFound

M = TypeVar("M", bound=models.Model)


def one(rows: QuerySet[M], **where: object) -> M:
    """The row that fits; a row that is missing and one of somebody else answer alike."""
    return only(rows.filter(**where)[:1])


def only(rows: Iterable[M]) -> M:
    """The first of them, or NotFound."""
    for found in rows:
        return found
    raise NotFound("There is nothing of yours at this address.")
