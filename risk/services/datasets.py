"""Datasets are made whole: from a CSV, from stored decisions with what became of their loans, or from the sample."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import islice, pairwise
from typing import Any

from lending import queries as lending
from lending.common import clock
from lending.common.errors import Invalid, NotFound
from risk.models import Dataset, DatasetPart, DatasetSource, Decision, Scenario, Variable
from risk.rules import sample, strategy, tabular
from risk.rules.catalogue import VariableSpec
from risk.rules.document import canonical
from users import queries as users
from users.services import acts

PERMISSION = "risk.add_dataset"
PART_ROWS = 500
BAD_DAYS = 30
MONTHS_ON_BOOK = 6
AGE_BANDS = (25, 35, 45, 55)

Rows = Iterable[Mapping[str, Any]]


class UnreadableDataset(Invalid):
    """Data `faults`: [{line, column, code, message}], at most 50; `more`: whether there were others."""

    code, title = "unreadable_dataset", "The file cannot be read; nothing was imported"


class NothingToTake(Invalid):
    code, title = "nothing_to_take", "No stored decision of this scenario lies between these days"


def import_csv(*, name: str, scenario: str = "", content: bytes, by: str, at: datetime) -> Dataset:
    """Import a file of `risk.rules.tabular`, whole or not at all. Raises UnreadableDataset, NotFound, NotAllowed."""
    acts.require(by=by, permission=PERMISSION)
    found = _scenario(scenario) if scenario else None
    try:
        table = tabular.read(content, catalogue())
    except tabular.Unreadable as error:
        raise UnreadableDataset(str(error), faults=[vars(fault) for fault in error.faults], more=error.more) from error
    return _keep(
        Dataset(name=name, scenario=found, source=DatasetSource.UPLOAD, by=by, created_at=at),
        rows=table.rows,
        variables=table.variables,
        groups=table.groups,
    )


def from_sample(*, scenario: str = "credit", by: str, at: datetime) -> Dataset:
    """The 1,000 rows of German Credit as complete applications, with their outcome. Raises NotFound, NotAllowed.

    Groups: sex, foreign_worker, age_band, none of which is an input of `scenario`.
    """
    acts.require(by=by, permission=PERMISSION)
    found = _scenario(scenario)
    with sample.PATH.open(encoding="utf-8") as file:
        people = sample.read(file)
    inputs = sorted(set(found.inputs) & set(strategy.inputs_of(people[0])))
    rows = (
        {
            "ref": f"german-{row.number:04}",
            "inputs": {name: values[name] for name in inputs},
            "bad": row.bad,
            "groups": {
                "sex": "female" if row.sex_status.startswith("female") else "male",
                "foreign_worker": "yes" if row.foreign_worker else "no",
                "age_band": age_band(row.age),
            },
        }
        for row in people
        for values in (strategy.inputs_of(row),)
    )
    return _keep(
        Dataset(
            name="German Credit, 1,000 rows",
            scenario=found,
            source=DatasetSource.SAMPLE,
            note="UCI Statlog (German Credit), CC BY 4.0. Bad: as the sample says.",
            by=by,
            created_at=at,
        ),
        rows=rows,
        variables=inputs,
        groups=("sex", "foreign_worker", "age_band"),
    )


def from_decisions(
    *,
    scenario: str,
    since: date,
    until: date,
    months_on_book: int = MONTHS_ON_BOOK,
    name: str = "",
    by: str,
    at: datetime,
) -> Dataset:
    """The decisions that ended `scenario` on business days from `since` through `until`, with what became of them.

    Bad: a loan of it was ever more than 30 days late. Good: none was, and the youngest is at least `months_on_book`
    months old. Else the outcome is not known: declined, not drawn, cancelled, or too young. Groups: sex and age_band,
    read off the ID number. Raises NothingToTake, NotFound, NotAllowed.
    """
    acts.require(by=by, permission=PERMISSION)
    found = _scenario(scenario)
    chosen = Decision.objects.filter(
        scenario=found, step=found.code, as_of_date__gte=since, as_of_date__lte=until
    ).order_by("pk")[: tabular.MAX_ROWS]
    if not chosen.exists():
        raise NothingToTake()
    return _keep(
        Dataset(
            name=name or f"Decisions of {scenario}, {since} to {until}",
            scenario=found,
            source=DatasetSource.DECISIONS,
            note=f"Bad: ever more than {BAD_DAYS} days late. Good: never, and {months_on_book} months on book.",
            by=by,
            created_at=at,
        ),
        rows=decided(chosen, clock.business_date(at), months_on_book),
        variables=sorted(found.inputs),
        groups=("sex", "age_band"),
    )


def catalogue() -> dict[str, VariableSpec]:
    """Every variable that may be decided with, by name."""
    return {
        row.name: VariableSpec(row.name, row.type, row.nullable, row.source, row.path) for row in Variable.objects.all()
    }


def age_band(years: int) -> str:
    """ "under 25", "25-34", … "55 and over"."""
    if years < AGE_BANDS[0]:
        return f"under {AGE_BANDS[0]}"
    for low, high in pairwise(AGE_BANDS):
        if years < high:
            return f"{low}-{high - 1}"
    return f"{AGE_BANDS[-1]} and over"


def decided(chosen: Any, today: date, months_on_book: int) -> Iterator[dict[str, Any]]:
    decisions = chosen.select_related("assessment").iterator(chunk_size=PART_ROWS)
    while batch := list(islice(decisions, PART_ROWS)):
        loans: dict[tuple[int, int | None], list[lending.LoanOutcome]] = {}
        for loan in lending.loan_outcomes([row.assessment.application_id for row in batch]):
            for drawdown_id in (None, loan.drawdown_id):
                loans.setdefault((loan.application_id, drawdown_id), []).append(loan)
        people = users.statistics_of([row.assessment.user_id for row in batch])
        for row in batch:
            subject = (row.assessment.application_id, row.assessment.drawdown_id)
            person = people.get(row.assessment.user_id)
            groups = {"sex": person.sex, "age_band": age_band(person.age_on(row.as_of_date))} if person else {}
            yield {
                "ref": str(row.public_id),
                "inputs": json.loads(row.inputs),
                "bad": outcome(loans.get(subject, ()), today, months_on_book),
                "groups": groups,
            }


def outcome(loans: Sequence[lending.LoanOutcome], today: date, months_on_book: int) -> bool | None:
    """Whether these loans, which came of one decision, went bad; None where that cannot be said yet."""
    if any(loan.worst_days_late > BAD_DAYS for loan in loans):
        return True
    ages = [(today.year - loan.value_date.year) * 12 + today.month - loan.value_date.month
            - (today.day < loan.value_date.day) for loan in loans]  # fmt: skip
    return False if ages and min(ages) >= months_on_book else None


def _scenario(code: str) -> Scenario:
    found = Scenario.objects.filter(code=code).first()
    if found is None:
        raise NotFound(f"There is no scenario {code!r}.")
    return found


def _keep(dataset: Dataset, *, rows: Rows, variables: Sequence[str], groups: Sequence[str]) -> Dataset:
    """Store the rows part by part, and over them the counts and the hash."""
    types = dict(Variable.objects.values_list("name", "type"))
    digest = hashlib.sha256()
    known: dict[str, int] = {}
    parts: list[DatasetPart] = []
    waiting = iter(rows)
    dataset.columns, dataset.row_count, dataset.outcome_count, dataset.bad_count = [], 1, 0, 0
    dataset.has_outcome, total = False, 0
    dataset.save()
    while batch := list(islice(waiting, PART_ROWS)):
        digest.update(canonical(batch).encode())
        told_of, told, bad = tabular.summary(batch, variables, groups)  # type: ignore[arg-type]
        known = {name: known.get(name, 0) + count for name, count in told_of.items()}
        dataset.outcome_count += told
        dataset.bad_count += bad
        parts.append(DatasetPart(dataset=dataset, number=total // PART_ROWS, rows=batch))
        total += len(batch)
        if len(parts) == 20:
            DatasetPart.objects.bulk_create(parts)
            parts = []
    DatasetPart.objects.bulk_create(parts)
    dataset.row_count, dataset.has_outcome, dataset.sha256 = total, dataset.outcome_count > 0, digest.hexdigest()
    dataset.columns = [
        {"name": name, "type": types.get(name, "text"), "kind": "variable", "known": known[name]} for name in variables
    ] + [{"name": name, "type": "text", "kind": "group", "known": known[tabular.GROUP + name]} for name in groups]
    dataset.save()
    return dataset
