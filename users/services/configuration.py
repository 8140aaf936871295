"""Loads the shipped tables; every one may be loaded again. New installations get them, changed rows are brought up
to date, and what an installation set itself (credentials, full addresses, whatever staff changed) is kept."""

import csv
import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, Permission

from lending.common.errors import Conflict
from lending.common.money import cents
from users.models import CollectionRule, CollectorList, Document, Level, Source, TagKind
from users.services import accounts, amendments, collected

PERMISSION = ("pk", "content_type__app_label", "codename")
Known = dict[tuple[str, str], int]  # permissions by app and name
TABLES = Path(__file__).resolve().parent.parent / "data" / "configuration"


class DocumentChanged(Conflict):
    code, title = "document_changed", "A published text was changed without a new version"


class UnknownPermission(Conflict):
    code, title = "unknown_permission", "The table of groups names something that does not exist"


def load(*, at: datetime) -> None:
    """Sources, levels, tags, documents, what phones may send, staff groups. Raises DocumentChanged."""
    load_sources()
    load_levels()
    load_tags()
    load_documents(at=at)
    load_collection(at=at)
    load_groups()


def load_sources() -> None:
    """Upsert by code; a fallback stands before the source that names it. What staff changed stays as they left it."""
    for row in _rows("sources"):
        source = Source.objects.filter(code=row["code"]).first() or Source(code=row["code"])
        amended = amendments.fields_of(f"source:{source.code}")
        for field, value in _shipped(row, source).items():
            if field not in amended:
                setattr(source, field, value)
        source.save()


def _shipped(row: dict[str, Any], source: Source) -> dict[str, Any]:
    """The values of a line. An address and credentials that the installation gave stay."""
    sandbox = {"client_id": "cashloan", "secret": f"sandbox-{source.code}"}
    endpoint = row["endpoint"] or ""
    is_sandboxed = bool(endpoint and getattr(settings, "SANDBOX_URL", ""))
    return {
        **{name: row[name] for name in ("name_en", "name_zh", "vendor", "product", "currency", "scenario", "dead")},
        **{name: int(row[name]) for name in ("stage", "timeout_ms", "retries", "pause_ms", "max_parallel")},
        **{name: int(row[name]) for name in ("fresh_days", "retention_days")},
        "freshness": dict(map(_fresh, (row["freshness"] or "").split())),
        "price_cents": cents(row["price"]),
        "fallback": Source.objects.get(code=row["fallback"]) if row["fallback"] else None,
        "consent_code": row["consent"],
        "recipient": row["recipient"],
        "authorisation": row["authorisation"] or "",
        "protocol": row["protocol"],
        "endpoint": source.endpoint if source.endpoint.startswith("http") else endpoint,
        "credentials": sandbox if source.credentials is None and is_sandboxed else source.credentials,
        "enabled": row["enabled"] == "yes",
    }


def _fresh(word: str) -> tuple[str, int | None]:
    """ "drawdown:7" or "drawdown:once"."""
    scenario, days = word.split(":")
    return scenario, None if days == "once" else int(days)


def load_levels() -> None:
    """Upsert by code, in rising order."""
    for rank, row in enumerate(_rows("levels"), start=1):
        needs = {name: _integer(row[name]) for name in ("on_time_instalments", "settled_loans", "max_dpd")}
        Level.objects.update_or_create(
            code=row["level"],
            defaults={
                "rank": rank,
                "name_en": row["name_en"],
                "name_zh": row["name_zh"],
                **needs,
                "window_months": _integer(row["window_months"]),
                "limit_factor": Decimal(row["limit_factor"]),
                "price_delta": Decimal(row["price_delta"]) / 100,  # written in percentage points a year
                "benefit": row["benefit"] or "",
            },
        )


def load_tags() -> None:
    """Upsert by code."""
    for row in _rows("tags"):
        names = {"name_en": row["name_en"], "name_zh": row["name_zh"]}
        TagKind.objects.update_or_create(
            code=row["tag"], defaults={**names, "days": int(row["days"]), "by_hand": row["by_hand"] == "yes"}
        )


def load_documents(*, at: datetime) -> None:
    """Insert versions that are new; one that is there must still say the same. Raises DocumentChanged."""
    for row in json.loads((TABLES / "consents_and_documents.json").read_text(encoding="utf-8")):
        there = Document.objects.filter(code=row["code"], version=row["version"]).first()
        if there is None:
            Document.objects.create(valid_from=at, **row)
        elif changed := [name for name, value in row.items() if getattr(there, name) != value]:
            raise DocumentChanged(f"{row['code']} {row['version']}: {', '.join(changed)}; write a new version.")


def load_collection(*, at: datetime) -> None:
    """What each market lets be collected from phones, and the numbers of debt collectors until staff bring a list."""
    for row in _rows("collection"):
        facts = {
            "is_allowed": row["allowed"] == "yes",
            "fresh_days": int(row["fresh_days"]),
            "basis": row["basis"],
        }
        CollectionRule.objects.update_or_create(market=row["market"], kind=row["kind"], defaults=facts)
    if CollectorList.objects.exists():
        return  # an installation that has brought a list of its own keeps to it
    by_source: dict[str, list[str]] = {}
    for row in _rows("collectors"):
        by_source.setdefault(row["source"], []).append(row["number"])
    for source, numbers in by_source.items():
        collected.know_collectors(numbers=numbers, source=source, at=at)


def load_groups() -> None:
    """`view`: tables the group sees, as `app`, `app.Model`, or `-app.Model` for one left out of its app; `may`: the
    permissions to act. Raises UnknownPermission for a word that names nothing."""
    known = {(app_label, name): pk for pk, app_label, name in Permission.objects.values_list(*PERMISSION)}
    for row in _rows("groups"):
        group, _ = Group.objects.get_or_create(name=row["group"])
        seen: set[int] = set()
        for word in (row["view"] or "").split():
            found = _views(known, word.removeprefix("-"))
            seen = seen - found if word.startswith("-") else seen | found
        group.permissions.set(seen | {_named(known, word) for word in (row["may"] or "").split()})


def _views(known: Known, word: str) -> set[int]:
    app_label, _, model = word.lower().partition(".")
    found = {
        pk
        for (app, name), pk in known.items()
        if app == app_label and (name == f"view_{model}" if model else name.startswith("view_"))
    }
    if not found:
        raise UnknownPermission(f"{word} is neither an app nor a table.")
    return found


def _named(known: Known, word: str) -> int:
    app_label, codename = word.split(".")
    if (app_label, codename) not in known:
        raise UnknownPermission(f"There is no permission {word}.")
    return known[app_label, codename]


def load_staff(*, at: datetime, password: str) -> None:
    """The demo's staff accounts, in their groups; `load` comes first. Existing accounts keep their password."""
    for row in _rows("staff"):
        accounts.make_staff(
            username=row["username"] or "",
            password=password,
            full_name=row["full_name"] or "",
            groups=(row["groups"] or "").split(),
            is_superuser=row["is_superuser"] == "yes",
            at=at,
        )


def _rows(table: str) -> Iterator[dict[str, Any]]:
    """The table's rows; "-" is None."""
    with (TABLES / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield {name: None if value == "-" else value for name, value in row.items()}


def _integer(text: str | None) -> int | None:
    return None if text is None else int(text)
