"""Loads lending's tables of the configuration: one table, one file, one loader. May run again: upserts by key."""

import csv
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from lending.common.money import cents
from lending.models import Grade, Lifetime, Party, Product, Reason, ServicingTerm

DATA = Path(__file__).resolve().parents[1] / "data" / "configuration"


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The lines of a configuration table, values stripped."""
    with path.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            yield {name: (value or "").strip() for name, value in line.items()}


def load(*, at: datetime) -> None:
    _parties()
    _products()
    _grades()
    _servicing_terms()
    _lifetimes()
    _reasons()


def percent(text: str) -> Decimal:
    """Percent as a fraction: 14.4 is 0.144."""
    return Decimal(text) / 100


def duration(text: str) -> timedelta:
    """72 h, 30 d, 5 min: what the lifetimes table writes."""
    number, unit = text.split()
    return int(number) * {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}[unit]


def _parties() -> None:
    for row in rows(DATA / "parties.csv"):
        Party.objects.update_or_create(code=row.pop("code"), defaults=row)


def _products() -> None:
    for row in rows(DATA / "products.csv"):
        Product.objects.update_or_create(
            code=row["code"],
            defaults={
                "name": row["name"],
                "name_zh": row["name_zh"],
                "family": row["family"],
                "kind": row["kind"],
                "amount_min_cents": cents(row["amount_min"]),
                "amount_max_cents": cents(row["amount_max"]),
                "step_cents": cents(row["step"]),
                "drawdown_min_cents": cents(row["drawdown_min"]),
                "max_open_loans": int(row["max_open_loans"]),
                "terms_months": [int(month) for month in row["terms_months"].split()],
                "methods": row["methods"].split(),
                "grant_valid_days": int(row["grant_valid_days"]),
                "ceiling_xirr": percent(row["ceiling_xirr"]),
                "purposes": row["purposes"].split(),
            },
        )


def _grades() -> None:
    for row in rows(DATA / "grades.csv"):
        Grade.objects.update_or_create(
            code=row["code"],
            defaults={
                "score_min": int(row["score_min"]),
                "sample_pd_max": percent(row["sample_pd_max"]),
                "pd_max": percent(row["pd_max"]),
                "outcome": row["outcome"],
                "annual_rate": None if row["price"] == "-" else percent(row["price"]),
                "limit_line_cents": cents(row["limit_line"]),
                "limit_once_cents": cents(row["limit_once"]),
                "limit_biz_cents": cents(row["limit_biz"]),
            },
        )


def _servicing_terms() -> None:
    for row in rows(DATA / "servicing_terms.csv"):
        ServicingTerm.objects.update_or_create(key=row.pop("key"), defaults=row)


def _lifetimes() -> None:
    for row in rows(DATA / "lifetimes.csv"):
        Lifetime.objects.update_or_create(
            thing=row["thing"],
            defaults={
                "name_zh": row["name_zh"],
                "ttl_seconds": int(duration(row["ttl"]).total_seconds()),
                "then": row["then"],
            },
        )


def _reasons() -> None:
    for row in rows(DATA / "reasons.csv"):
        Reason.objects.update_or_create(
            code=row["code"],
            defaults={
                "reason_class": row["class"],
                "source": row["source"],
                "reapply_days": None if row["reapply"] == "-" else int(row["reapply"]),
                "distribute": row["distribute"] == "yes",
                "borrower_en": row["borrower_en"],
                "borrower_zh": row["borrower_zh"],
            },
        )
