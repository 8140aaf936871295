"""The desk's configuration from files: one table, one loader, may run again."""

import csv
from collections.abc import Iterator, Sequence
from datetime import datetime, time
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Model

from lending import queries as lending
from lending.common.money import cents
from review.models import (
    BatchRule,
    ChecklistItem,
    ErrorClass,
    Finding,
    PhoneQuestion,
    PhoneScript,
    QualitySetting,
    Queue,
    RoutingRule,
    SamplingRule,
)
from review.rules import authority as rules
from review.rules.authority import LEVELS
from review.rules.phone import BadScript, check
from review.services import authority, phone, reviewers

DATA = Path(__file__).resolve().parents[1] / "data" / "configuration"


def load(*, at: datetime) -> None:
    """Insert or update every table by its key."""
    _load_queues()
    _load_routing()
    _load_authority(at)
    _load_batch()
    _load_findings()
    _load_scripts()
    _load_checklists()
    _load_quality()
    _load_reviewers()


def _rows(table: str) -> Iterator[dict[str, str]]:
    with (DATA / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _upsert(model: type[Model], keys: Sequence[str], rows: Sequence[dict[str, Any]], kept: Sequence[str] = ()) -> None:
    """`kept`: what leads set in the back office; a file fills it only in a new row."""
    model._default_manager.bulk_create(
        [model(**row) for row in rows],
        update_conflicts=True,
        unique_fields=keys,
        update_fields=[name for name in rows[0] if name not in (*keys, *kept)] or [keys[0]],
    )


def _load_queues() -> None:
    _upsert(
        Queue,
        ["code"],
        [
            {
                "code": row["code"],
                "name_zh": row["name_zh"],
                "stage": row["stage"],
                "takes": row["takes"],
                "opens": time.fromisoformat(row["opens"]),
                "closes": time.fromisoformat(row["closes"]),
                "workdays_only": row["days"] == "workdays",
                "due_minutes": int(row["due_minutes"]),
                "at_risk_minutes": int(row["at_risk_minutes"]),
                "skill": row["skill"],
                "mode": row["mode"],
                "handling_minutes": int(row["handling_minutes"]),
            }
            for row in _rows("queues")
        ],
        kept=("mode", "ageing_minutes", "boost", "level_bonus"),
    )


def _load_routing() -> None:
    """In `reasons`, F* stands for every code of class F but those that a later rule names alone."""
    rows = list(_rows("routing"))
    named = {code for row in rows for code in row["reasons"].split() if not code.endswith("*")}
    known = sorted({reason.code for reason in lending.reasons()} - named)
    ids = dict(Queue.objects.values_list("code", "pk"))
    _upsert(
        RoutingRule,
        ["position"],
        [
            {
                "position": int(row["position"]),
                "queue_id": ids[row["queue"]],
                **{name: row[name].split() for name in ("families", "channels", "grades", "languages")},
                "reasons": [code for word in row["reasons"].split() for code in _matching(word, known)],
                "over_cents": cents(row["amount_over"]) if row["amount_over"] else None,
                "mark": row["mark"],
            }
            for row in rows
        ],
    )


def _matching(word: str, known: Sequence[str]) -> list[str]:
    return [code for code in known if code.startswith(word[:-1])] if word.endswith("*") else [word]


def _load_batch() -> None:
    _upsert(
        BatchRule,
        ["stage", "action"],
        [
            {
                "stage": row["stage"],
                "action": row["action"],
                "grades": row["grades"].split(),
                "amount_to_cents": cents(row["amount_to"]),
                "checklist": row["checklist"],
            }
            for row in _rows("batch")
        ],
        kept=("grades", "amount_to_cents", "checklist"),
    )


def _load_authority(at: datetime) -> None:
    """A cell reads "R1 + R2" (initial, final), "R1 alone" or "not allowed". A version that is there stays as it is."""
    cells: dict[int, list[rules.Rule]] = {}
    for row in _rows("authority"):
        for column in row.keys() - {"amount_to", "version"}:
            cell = rules.Rule(cents(row["amount_to"]), column, *rules.levels(row[column]))
            cells.setdefault(int(row["version"]), []).append(cell)
    for number, version in sorted(cells.items()):
        authority.load(number, version, at=at)


def _load_findings() -> None:
    _upsert(Finding, ["code"], list(_rows("findings")))


def _load_checklists() -> None:
    """A line that is no longer in the file is not asked for any more."""
    queue_ids = dict(Queue.objects.values_list("code", "pk"))
    lines: list[dict[str, Any]] = [
        {
            "queue_id": queue_ids[row["queue"]],
            "key": row["key"],
            "position": position,
            "text_en": row["text_en"],
            "text_zh": row["text_zh"],
            "needed_for": row["needed_for"],
            "active": True,
        }
        for position, row in enumerate(_rows("checklists"), start=1)
    ]
    ChecklistItem.objects.update(active=False)
    _upsert(ChecklistItem, ["queue", "key"], lines)


def _load_scripts() -> None:
    """The telephone scripts. What a version asks is what was asked: a change is another version."""
    queue_ids = dict(Queue.objects.values_list("code", "pk"))
    scripts = [
        {
            "queue_id": queue_ids[row["queue"]],
            "callee": row["callee"],
            "version": int(row["version"]),
            "required": row["required"] == "yes",
            "opening_en": row["opening_en"],
            "opening_zh": row["opening_zh"],
        }
        for row in _rows("phone_scripts")
    ]
    _upsert(PhoneScript, ["queue", "callee", "version"], scripts)
    ids = {(row.queue_id, row.callee, row.version): row.pk for row in PhoneScript.objects.all()}
    asked: dict[int, list[dict[str, Any]]] = {}
    for row in _rows("phone_questions"):
        script_id = ids[queue_ids[row["queue"]], row["callee"], int(row["version"])]
        asked.setdefault(script_id, []).append(_question(row, script_id, len(asked.get(script_id, [])) + 1))
    for questions in asked.values():
        check([phone.as_rule(PhoneQuestion(**row)) for row in questions])
        if unknown := [row["compare"] for row in questions if not phone.is_filed(row["compare"])]:
            raise BadScript(f"The file has no {', '.join(unknown)}")
    _upsert(PhoneQuestion, ["script", "key"], [row for questions in asked.values() for row in questions])


def _question(row: dict[str, str], script_id: int, position: int) -> dict[str, Any]:
    """`options`: "value|English|中文" and `next`: "answer > key", several parted by ";"."""
    return {
        "script_id": script_id,
        "key": row["key"],
        "position": position,
        "text_en": row["text_en"],
        "text_zh": row["text_zh"],
        "kind": row["kind"],
        "options": [option.strip().split("|") for option in row["options"].split(";") if option],
        "compare": row["compare"],
        "critical": row["critical"] == "yes",
        "next": {
            answer.strip(): key.strip() for answer, key in (way.split(">") for way in row["next"].split(";") if way)
        },
    }


def _load_quality() -> None:
    _upsert(ErrorClass, ["code"], list(_rows("errors")))
    _upsert(QualitySetting, ["code"], list(_rows("quality")))
    _upsert(SamplingRule, ["code"], [_sampling(row) for row in _rows("sampling")])


def _sampling(row: dict[str, str]) -> dict[str, Any]:
    said = {"yes": True, "no": False, "": None}
    amount = row.pop("amount_from")
    return row | {
        "alone": said[row["alone"]],
        "overrules": said[row["overrules"]],
        "first_cases": int(row["first_cases"]) if row["first_cases"] else None,
        "level_to": int(row["level_to"]) if row["level_to"] else None,
        "amount_from_cents": cents(amount) if amount else None,
        "share_bp": int(row["share_bp"]),
    }


def _load_reviewers() -> None:
    """The demo staff, where these accounts exist."""
    accounts = dict(get_user_model().objects.filter(kind="staff").values_list("username", "pk"))
    for row in _rows("reviewers"):
        if row["username"] in accounts:
            reviewers.appoint(
                user_id=accounts[row["username"]],
                level=LEVELS[row["level"]],
                skills=row["skills"].split(),
                languages=row["languages"].split(),
            )
