"""Rows about one person as plain values, for the copy that they may take away."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Field, ForeignKey, Model

# Of every table: what keeps the machine going, and what can be computed from nothing that is in the copy.
TECHNICAL = frozenset("id key attempts not_before leased_until password last_login file idempotency_key".split())
Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Held:
    """A table of persons: `person` leads from a row to the user's id. `only`: these columns; else all but `without`,
    the technical ones, blind indexes, digests, and who of the staff it was."""

    model: type[Model]
    person: str
    without: Sequence[str] = ()
    only: Sequence[str] = ()

    def rows(self, user_id: int) -> Iterator[dict[str, Any]]:
        """Oldest first, by the names of the columns."""
        fields = [field for field in self.model._meta.concrete_fields if self._given(field)]
        found = self.model._default_manager.filter(**{self.person: user_id}).order_by("pk")
        for row in found.only(*[field.name for field in fields]).iterator(chunk_size=200):
            yield {field.name: plain(getattr(row, field.attname)) for field in fields}

    def _given(self, field: "Field[Any, Any]") -> bool:
        name = field.name
        if self.only:
            return name in self.only
        ours = name in TECHNICAL or name.endswith(("_index", "_hash", "_by", "sha256")) or name in ("by", "actor")
        return not ours and name not in self.without and not _leads_back(field, self.person)


def _leads_back(field: "Field[Any, Any]", person: str) -> bool:
    """The person themselves: every row of the copy is theirs."""
    return isinstance(field, ForeignKey) and field.attname == person


def all_rows(tables: Sequence[Held], user_id: int) -> Rows:
    """By the table's label; a table with nothing is named too, for that is an answer."""
    return {table.model._meta.label: list(table.rows(user_id)) for table in tables}


def plain(value: Any) -> Any:
    """As JSON can carry it; amounts stay whole cents, rates are text."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(each) for each in value]
    return value
