"""Loads funding's part of the market's configuration: one table, one file, one loader. May run again: upserts by key.

The parties are lending's table and are loaded first. A changed cap holds from the next business day on.
"""

import csv
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from funding.models import Funder, FunderSettlement, Guarantor, Programme
from funding.rules import pricing, settlement
from lending.common.errors import Invalid
from lending.common.money import cents
from users import queries as users

DATA = Path(__file__).resolve().parents[1] / "data" / "configuration"
GRADES = ("A", "B", "C", "D")


class UnknownTag(Invalid):
    code, title = "unknown_tag", "A programme names a tag or level that there is not"


def load(*, at: datetime) -> None:
    """Raises UnknownTag, BadShare, BadTerms."""
    _funders()
    _guarantors()
    _programmes()
    _funder_settlement()


def _rows(table: str) -> Iterator[dict[str, str]]:
    """The lines of a table, values stripped, "-" read as nothing."""
    with (DATA / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            yield {name: "" if value.strip() == "-" else value.strip() for name, value in line.items()}


def _funders() -> None:
    for row in _rows("funders"):
        Funder.objects.update_or_create(
            party_id=row["code"],
            defaults={
                "type": row["type"],
                "workdays_only": row["workdays_only"] == "yes",
                "opens": time.fromisoformat(row["opens"]),
                "closes": _until(row["closes"]),
                "cut_off": _until(row["cut_off"]),
                "answer": row["answer"],
                "protocol": row["protocol"],
                "channel_share_max": _share(row["channel_share"]),
                "channels_exempt": row["channels_exempt"].split(),
                "province_share_max": _share(row["province_share"]),
                "shares_from_cents": cents(row["shares_from"]),
            },
        )


def _share(text: str) -> Decimal | None:
    return Decimal(text) / 100 if text else None


def _until(text: str) -> time | None:
    """24:00 is the end of the day, which no `time` says."""
    return None if text == "24:00" else time.fromisoformat(text)


def _guarantors() -> None:
    for row in _rows("guarantors"):
        Guarantor.objects.update_or_create(
            party_id=row["code"],
            defaults={
                "covers": Decimal(row["covers"]) / 100,
                "compensation_dpd": int(row["compensation_dpd"]),
                "net_capital_cents": cents(row["net_capital"]),
                "leverage_max": Decimal(row["leverage_max"]),
            },
        )


def _programmes() -> None:
    for row in _rows("programmes"):
        channels = row["channels"].split()
        tags, levels = row["tags_except"].split(), row["levels"].split()
        _check_known(row["code"], tags, levels)
        _check_price(row)
        terms: dict[str, Any] = {
            "funder_id": row["funder"],
            "mode": row["mode"],
            "products": row["products"].split(),
            "channels_only": channels if channels[0] not in ("all", "not") else [],
            "channels_except": channels[1:] if channels[0] == "not" else [],
            "grades": row["grades"].split(),
            "amount_min_cents": cents(row["amount_min"]),
            "amount_max_cents": cents(row["amount_max"]),
            "months": [int(month) for month in row["terms"].split()],
            "region_only": row["region_only"],
            "maturity_age_max": int(row["maturity_age_max"]),
            "interest": {
                grade: str(Decimal(row[f"interest_{grade}"]) / 100) for grade in GRADES if row[f"interest_{grade}"]
            },
            "guarantor_id": row["guarantor"] or None,
            "guarantee_share": row["guarantee_share"],
            "cap_day_cents": cents(row["cap_day"]) if row["cap_day"] else None,
            "cap_month_cents": cents(row["cap_month"]),
            "cap_outstanding_cents": cents(row["cap_outstanding"]),
            "per_borrower_cents": cents(row["per_borrower"]),
            "priority": int(row["priority"]) if row["priority"] else None,
            "tags_except": tags,
            "levels_only": levels,
        }
        # Staff switch it: whether it begins switched on is all that is configured.
        first = terms | {"enabled": row["enabled"] == "yes"}
        Programme.objects.update_or_create(code=row["code"], defaults=terms, create_defaults=first)


def _check_price(row: dict[str, str]) -> None:
    """Who guarantees is paid: a share, of an interest for each grade."""
    share = pricing.share_of(row["guarantee_share"])
    unpriced = [grade for grade in row["grades"].split() if not row[f"interest_{grade}"]]
    if bool(share) != bool(row["guarantor"]) or (share and unpriced):
        raise pricing.BadShare(f"{row['code']}: a guarantor, its share and the interest of each grade go together.")


def _check_known(programme: str, tags: list[str], levels: list[str]) -> None:
    """A misspelt word would keep out nobody, or everybody, in silence."""
    unknown = [*users.unknown_tags(tags), *users.unknown_levels(levels)]
    if unknown:
        raise UnknownTag(f"{programme}: {', '.join(unknown)}", fields={"programme": programme})


def _funder_settlement() -> None:
    guaranteed = set(Programme.objects.exclude(guarantor=None).values_list("pk", flat=True))
    for row in _rows("funder_settlement"):
        code, words = (
            row.pop("programme"),
            {name: row.pop(name) for name in ("collected_by", "split", "settle", "reserve")},
        )
        terms = settlement.read(**row)
        if code not in guaranteed and (terms.fee_back is not None or terms.deposit is not None):
            raise settlement.BadTerms(f"{code}: no guarantor who could give back of its fee, or keep a deposit.")
        FunderSettlement.objects.update_or_create(
            programme_id=code, defaults=words | asdict(terms) | {"provision": list(terms.provision)}
        )
