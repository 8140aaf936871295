"""What the register and the catalogue say of the sources that a run asks."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lending.common.remembered import remembered
from risk.models import Scenario, Variable
from risk.providers import QUERIES
from risk.rules.catalogue import VariableSpec
from risk.rules.velocity import SOURCE, Window, window
from users import queries as users
from users.queries import SourceView

SELF_COLLECTED = "self_collected"
SPEC = ("name", "type", "nullable", "source", "path", "unit", "default")


@remembered
def asked() -> dict[str, SourceView]:
    """Every source that is asked over the wire, those switched off included, by code."""
    return {row.code: row for row in users.sources_speaking(QUERIES)}


@dataclass(frozen=True)
class Catalogue:
    """What a run needs of the variables and scenarios, read once.

    `specs` by source of those asked over the wire; `collected`: those that borrowers' phones tell; `velocities`: those
    that some scenario reads; `inputs` by scenario.
    """

    specs: dict[str, list[VariableSpec]]
    collected: list[VariableSpec]
    defaults: dict[str, Any]
    velocities: dict[str, Window]
    inputs: dict[str, list[str]]


@remembered
def catalogue() -> Catalogue:
    """Raises BadWindow."""
    inputs: dict[str, list[str]] = dict(Scenario.objects.values_list("code", "inputs"))
    read = {name for names in inputs.values() for name in names}
    specs: dict[str, list[VariableSpec]] = {code: [] for code in asked()}
    rows = Variable.objects.order_by("name").values_list(*SPEC)
    variables = [VariableSpec(*row) for row in rows]
    for each in variables:
        if each.source in specs:
            specs[each.source].append(each)
    return Catalogue(
        specs={code: found for code, found in specs.items() if found},
        collected=[each for each in variables if each.source == SELF_COLLECTED],
        defaults={each.name: each.default for each in variables if each.default is not None},
        velocities={each.name: window(each.path) for each in variables if each.source == SOURCE and each.name in read},
        inputs=inputs,
    )


def by_stage(sources: list[SourceView]) -> dict[int, list[SourceView]]:
    """The cheaper first."""
    found: dict[int, list[SourceView]] = {}
    for source in sorted(sources, key=lambda source: (source.stage, source.price_cents, source.code)):
        found.setdefault(source.stage, []).append(source)
    return found


def fresh_since(source: SourceView, scenario: str, at: datetime) -> datetime | None:
    """Answers after that may be used again, for ever where it is datetime.min; None: always asked anew."""
    days = source.fresh_for(scenario)
    if days is None:
        return datetime.min.replace(tzinfo=at.tzinfo)
    return at - timedelta(days=days) if days else None
