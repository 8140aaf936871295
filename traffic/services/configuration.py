"""Loads traffic's part of the market's configuration: one table, one file, one loader. May run again: upserts by key.

The parties are lending's table and are loaded first. A channel's number in its stream is never touched.
"""

import csv
import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from lending.common.money import cents
from traffic.models import Channel, ChannelKey, PartnerStatus, Platform
from traffic.rules import settlement
from traffic.services import platforms

DATA = Path(__file__).resolve().parents[1] / "data" / "configuration"


def load(*, at: datetime) -> None:
    _channels()
    if getattr(settings, "SANDBOX_URL", ""):
        _demo_keys(at)
    _partner_status()
    _downstream(at)


def _rows(table: str) -> Iterator[dict[str, str]]:
    """The lines of a table, values stripped, "-" read as nothing."""
    with (DATA / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            yield {name: "" if value.strip() == "-" else value.strip() for name, value in line.items()}


def _channels() -> None:
    maps: dict[str, Any] = json.loads((DATA / "field_maps.json").read_text(encoding="utf-8"))
    for row in _rows("channels"):
        fee_cents = cents(row["fee"]) if row["fee"] else None
        agreed = settlement.read(row["settle_kind"], row["rate"], fee_cents, row["clawback_terms"])
        terms = {
            "flow": row["flow"],
            "products": row["products"].split(),
            "precheck": row["precheck"],
            "attribution_days": int(row["attribution_days"]) if row["attribution_days"] else None,
            "settle": row["settle"],
            "price": row["price"],
            "clawback": row["clawback"],
            "settle_kind": agreed.kind,
            "settle_rate": agreed.rate,
            "settle_fee_cents": agreed.fee_cents,
            "clawback_terms": dict(agreed.clawback),
            "day_quota": int(row["day_quota"]) if row["day_quota"] else None,
            "app_id": row["app_id"] or None,
            "field_map": maps.get(row["code"], {}),
        }
        # Where a channel listens, and what both sign with, is set once and then the partner's to change.
        receiver = {"callback_url": row["callback_url"], "callback_secret": row["callback_secret"] or None}
        Channel.objects.update_or_create(party_id=row["code"], defaults=terms, create_defaults=terms | receiver)


def _demo_keys(at: datetime) -> None:
    """Secrets that everybody knows, where the other sides are played too; elsewhere staff issue the first key."""
    former = "sandbox-partner"  # once that of all channels
    for channel in Channel.objects.exclude(callback_secret=None):
        if channel.callback_secret == former:
            channel.callback_secret = f"sandbox-{channel.pk}"
            channel.save(update_fields=["callback_secret"])
    for channel in Channel.objects.filter(keys=None).exclude(app_id=None):
        ChannelKey.objects.create(channel=channel, secret=f"sandbox-{channel.pk}", issued_by="system", issued_at=at)
    for channel in Channel.objects.filter(precheck_key=None).exclude(precheck=""):
        channel.precheck_key = f"sandbox-precheck-{channel.pk}"
        channel.save(update_fields=["precheck_key"])


def _partner_status() -> None:
    for row in _rows("partner_status"):
        PartnerStatus.objects.update_or_create(
            code=row["code"], defaults={"name_zh": row["name_zh"], "sources": row["from"].split()}
        )


def _downstream(at: datetime) -> None:
    for row in _rows("downstream"):
        low, high = row["amount"].split("-")
        agreed = settlement.read(row["settle_kind"], row["rate"], cents(row["fee"]) if row["fee"] else None, "")
        terms = {
            "accepts_grades": row["accepts_grades"].split(),
            "amount_min_cents": cents(low),
            "amount_max_cents": cents(high),
            "terms_months": [int(months) for months in row["terms"].split()],
            "annual_rate": Decimal(row["annual_rate"]) / 100,
            "stated_xirr": Decimal(row["stated_xirr"]) / 100 if row["stated_xirr"] else None,
            "settle": row["settle"],
            "price": row["price"],
            "settle_kind": agreed.kind,
            "settle_rate": agreed.rate,
            "settle_fee_cents": agreed.fee_cents,
            "return_days": int(row["return_days"]),
            "cap_day": int(row["cap_day"]),
            "flow": row["flow"],
            "protocol": row["protocol"],
        }
        # Staff switch it, and what was paid in advance is used up: only the first day's are configuration.
        first = {"enabled": row["enabled"] == "yes", "balance_cents": 0}
        with transaction.atomic():
            _, new = Platform.objects.update_or_create(
                party_id=row["code"], defaults=terms, create_defaults=terms | first
            )
            if new:
                platforms.book_opening(platform=row["code"], amount_cents=cents(row["balance"]), at=at)
