"""Datasets and their rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lending.common.errors import NotFound
from risk.models import Dataset, DatasetPart
from risk.rules import tabular
from users import queries as users


@dataclass(frozen=True, slots=True)
class DatasetView:
    """`columns`: {name, type, kind: variable or group, known: rows that have it}; `bad_share`: "30.0%" or ""."""

    id: int
    name: str
    source: str
    source_title: str
    scenario: str
    note: str
    columns: tuple[Mapping[str, Any], ...]
    variables: tuple[str, ...]
    groups: tuple[str, ...]
    row_count: int
    part_count: int
    has_outcome: bool
    outcome_count: int
    bad_count: int
    bad_share: str
    sha256: str
    by_name: str
    created_at: datetime


def dataset(dataset_id: int) -> DatasetView:
    """Raises NotFound."""
    row = Dataset.objects.select_related("scenario").filter(pk=dataset_id).first()
    if row is None:
        raise NotFound("There is no such dataset.")
    return DatasetView(
        id=row.pk,
        name=row.name,
        source=row.source,
        source_title=row.get_source_display(),
        scenario=row.scenario.code if row.scenario else "",
        note=row.note,
        columns=tuple(row.columns),
        variables=row.variables,
        groups=row.groups,
        row_count=row.row_count,
        part_count=row.parts.count(),
        has_outcome=row.has_outcome,
        outcome_count=row.outcome_count,
        bad_count=row.bad_count,
        bad_share="" if row.bad_rate is None else f"{row.bad_rate:.1%}",
        sha256=row.sha256,
        by_name=users.actor_name(row.by),
        created_at=row.created_at,
    )


def dataset_rows(dataset_id: int, part: int) -> list[dict[str, Any]]:
    """Up to 500 rows: {"ref", "inputs": {variable: value}, "bad": true | false | None, "groups": {name: text}}.

    `part` counts from 0 to `part_count` - 1. Personal data. Raises NotFound.
    """
    row = DatasetPart.objects.filter(dataset_id=dataset_id, number=part).first()
    if row is None:
        raise NotFound("There is no such part of a dataset.")
    rows: list[dict[str, Any]] = row.rows
    return rows


def dataset_csv(dataset_id: int) -> Iterator[str]:
    """The rows as `risk.rules.tabular.read` reads them, line by line. Raises NotFound."""
    found = dataset(dataset_id)
    rows = (row for part in range(found.part_count) for row in dataset_rows(dataset_id, part))
    return tabular.write(variables=found.variables, groups=found.groups, rows=rows)
