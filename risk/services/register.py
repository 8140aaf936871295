"""What the register says of the sources that a run asks; what a row does not say yet has its default here."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from risk.models import Variable
from risk.providers import QUERIES
from risk.rules.catalogue import VariableSpec
from users import queries as users
from users.queries import SourceView

RETRIES, PAUSE_MS, MAX_PARALLEL, RETENTION_DAYS = 2, 200, 64, 730


def asked() -> dict[str, SourceView]:
    """Every source that is asked over the wire, those switched off included, by code."""
    return {row.code: row for row in users.sources_speaking(QUERIES)}


def catalogue(sources: Iterable[str]) -> dict[str, list[VariableSpec]]:
    """The variables of these sources, by source."""
    found: dict[str, list[VariableSpec]] = {}
    for row in Variable.objects.filter(source__in=list(sources)).order_by("name"):
        spec = VariableSpec(row.name, row.type, row.nullable, row.source, row.path, row.unit, row.default)
        found.setdefault(row.source, []).append(spec)
    return found


def by_stage(sources: list[SourceView]) -> dict[int, list[SourceView]]:
    """The cheaper first."""
    found: dict[int, list[SourceView]] = {}
    for source in sorted(sources, key=lambda source: (source.stage, source.price_cents, source.code)):
        found.setdefault(source.stage, []).append(source)
    return found


def retries(source: SourceView) -> int:
    """Of a call that certainly did nothing; one that may have happened is not repeated."""
    return int(getattr(source, "retries", RETRIES))


def pause_seconds(source: SourceView) -> float:
    return int(getattr(source, "pause_ms", PAUSE_MS)) / 1000


def max_parallel(source: SourceView) -> int:
    """Calls at once that a process may have there."""
    return int(getattr(source, "max_parallel", MAX_PARALLEL))


def retention_days(source: SourceView) -> int:
    return int(getattr(source, "retention_days", RETENTION_DAYS))


def fresh_since(source: SourceView, scenario: str, at: datetime) -> datetime | None:
    """Answers after that may be used again, for ever where it is datetime.min; None: always asked anew."""
    days = getattr(source, "freshness", {}).get(scenario, source.fresh_days)
    if days is None:
        return datetime.min.replace(tzinfo=at.tzinfo)
    return at - timedelta(days=days) if days else None
