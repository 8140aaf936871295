"""The catalogue of variables as it is read: what each is, what its source costs, and which releases read it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F

from lending.common.errors import NotFound
from risk.models import Decision, Draft, DraftState, Release, Scenario, Variable
from risk.queries.strategy import releases_in_force
from risk.rules.histogram import Histogram, histogram
from risk.rules.usage import words, written
from users import queries as users
from users.queries import SourceFacts

LATEST = 500  # decisions whose values a histogram shows
OWN = {  # parts of our own records that a variable may come from
    "clock": "the business day",
    "application": "the application or drawdown",
    "product": "the product",
    "history": "history with us",
    "profile": "what the borrower declared",
    "level": "the borrower's level",
    "tags": "tags on the borrower",
    "lists": "internal lists",
    "velocity": "velocity over our own history",
    "self_collected": "what the borrower's phone sends",
    "pulls": "how the sources answered",
    "decisions": "earlier decisions of this assessment",
    "exemptions": "exemptions from rules",
}

_words: dict[str, frozenset[str]] = {}  # by hash: a release never changes, so a process reads each graph once


@dataclass(frozen=True, slots=True)
class Use:
    """One release that reads a variable in its graph."""

    release_id: int
    key: str
    version: int
    form: str
    scenario: str
    in_force: bool


@dataclass(frozen=True, slots=True)
class VariableView:
    """`source` is None where the value comes from our own records, which `own` then names; `scenarios` bring it;
    `drafts` that read it as they stand: (number, name)."""

    id: int
    name: str
    type: str
    unit: str
    nullable: bool
    default: Any
    source_code: str
    source: SourceFacts | None
    own: str
    path: str
    description_en: str
    description_zh: str
    scenarios: tuple[str, ...]
    uses: tuple[Use, ...]
    drafts: tuple[tuple[int, str], ...]

    @property
    def in_force(self) -> tuple[Use, ...]:
        return tuple(use for use in self.uses if use.in_force)

    @property
    def others(self) -> tuple[Use, ...]:
        return tuple(use for use in self.uses if not use.in_force)


def variables(at: datetime) -> tuple[VariableView, ...]:
    """The whole catalogue, in its order."""
    rows = list(Variable.objects.all())
    read, drafts, sources = _uses(at), _drafts(), users.source_facts()
    scenarios = dict(Scenario.objects.values_list("code", "inputs"))
    return tuple(_view(row, read.get(row.name, ()), drafts.get(row.name, ()), sources, scenarios) for row in rows)


def variable(name: str, at: datetime) -> VariableView:
    """Raises NotFound."""
    found = next((row for row in variables(at) if row.name == name), None)
    if found is None:
        raise NotFound("There is no such variable.")
    return found


def read_in_force(at: datetime) -> frozenset[str]:
    """Every word that a release in force reads; variables are among them."""
    return frozenset(word for row in releases_in_force(at).values() for word in _words_of(row))


def spread(name: str) -> Histogram:
    """The variable's values in the latest decisions that ended a scenario and had it among their inputs."""
    rows = Decision.objects.filter(scenario__inputs__contains=[name], step=F("scenario__code")).order_by("-pk")
    inputs = (json.loads(str(text)) for text in rows.values_list("inputs", flat=True)[:LATEST])
    return histogram(found[name] for found in inputs if name in found)


def _uses(at: datetime) -> dict[str, tuple[Use, ...]]:
    """By word: who reads it, those in force first, then the latest versions."""
    serving = releases_in_force(at)
    found: dict[str, list[Use]] = {}
    for row in _releases():
        use = Use(row.pk, row.key, row.version, row.form, row.scenario.code, row.pk in serving)
        for word in _words_of(row):
            found.setdefault(word, []).append(use)
    return {word: tuple(sorted(uses, key=lambda use: not use.in_force)) for word, uses in found.items()}


def _releases() -> list[Release]:
    """All of them without their graphs, which are read only where this process has not seen them."""
    rows = Release.objects.select_related("scenario").order_by("key", "-version").defer("authored", "graph")
    unseen = [row.pk for row in rows if row.sha256 not in _words]
    for row in Release.objects.filter(pk__in=unseen).only("sha256", "graph"):
        _words_of(row)
    return list(rows)


def _words_of(row: Release) -> frozenset[str]:
    if row.sha256 not in _words:
        _words[row.sha256] = words(row.graph)
    return _words[row.sha256]


def _drafts() -> dict[str, tuple[tuple[int, str], ...]]:
    """By word: the drafts at work that read it."""
    found: dict[str, tuple[tuple[int, str], ...]] = {}
    for row in Draft.objects.filter(state__in=[DraftState.OPEN, DraftState.SUBMITTED]).order_by("key"):
        for word in written(row.form, row.authored):
            found[word] = (*found.get(word, ()), (row.pk, row.key))
    return found


def _view(
    row: Variable,
    uses: tuple[Use, ...],
    drafts: tuple[tuple[int, str], ...],
    sources: dict[str, SourceFacts],
    scenarios: dict[str, list[str]],
) -> VariableView:
    return VariableView(
        id=row.pk,
        name=row.name,
        type=row.type,
        unit=row.unit,
        nullable=row.nullable,
        default=row.default,
        source_code=row.source,
        source=sources.get(row.source),
        own=OWN.get(row.source, ""),
        path=row.path,
        description_en=row.description_en,
        description_zh=row.description_zh,
        scenarios=tuple(sorted(code for code, inputs in scenarios.items() if row.name in inputs)),
        uses=uses,
        drafts=drafts,
    )
