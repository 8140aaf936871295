"""Loads traffic's part of the market's configuration: one table, one file, one loader. May run again: upserts by key.

The parties are lending's table and are loaded first. A channel's number in its stream is never touched.
"""

import csv
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from lending.common.money import cents
from traffic.models import Channel, PartnerStatus, Platform

DATA = Path(__file__).resolve().parents[1] / "data" / "configuration"


def load(*, at: datetime) -> None:
    _channels()
    _partner_status()
    _downstream()


def _rows(table: str) -> Iterator[dict[str, str]]:
    """The lines of a table, values stripped, "-" read as nothing."""
    with (DATA / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            yield {name: "" if value.strip() == "-" else value.strip() for name, value in line.items()}


def _channels() -> None:
    for row in _rows("channels"):
        terms = {
            "flow": row["flow"],
            "products": row["products"].split(),
            "precheck": row["precheck"],
            "attribution_days": int(row["attribution_days"]) if row["attribution_days"] else None,
            "settle": row["settle"],
            "price": row["price"],
            "clawback": row["clawback"],
            "day_quota": int(row["day_quota"]) if row["day_quota"] else None,
        }
        # Where a channel listens, and what both sign with, is set once and then the partner's to change.
        receiver = {"callback_url": row["callback_url"], "callback_secret": row["callback_secret"] or None}
        Channel.objects.update_or_create(party_id=row["code"], defaults=terms, create_defaults=terms | receiver)


def _partner_status() -> None:
    for row in _rows("partner_status"):
        PartnerStatus.objects.update_or_create(
            code=row["code"], defaults={"name_zh": row["name_zh"], "sources": row["from"].split()}
        )


def _downstream() -> None:
    for row in _rows("downstream"):
        low, high = row["amount"].split("-")
        Platform.objects.update_or_create(
            party_id=row["code"],
            defaults={
                "enabled": row["enabled"] == "yes",
                "accepts_grades": row["accepts_grades"].split(),
                "amount_min_cents": cents(low),
                "amount_max_cents": cents(high),
                "settle": row["settle"],
                "price": row["price"],
                "cap_day": int(row["cap_day"]),
                "balance_cents": cents(row["balance"]),
                "flow": row["flow"],
            },
        )
