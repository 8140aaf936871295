"""A case on paper, for an auditor: what was known, who did what, on which authority. Personal data stays masked."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string

import contracts.services.printing as press
from lending import queries as lending
from lending.common.crypto import mask_id, mask_name, mask_phone
from lending.common.logs import redact
from lending.common.money import format_cents, format_known
from review.models import Case, Finding
from review.queries import notes
from review.queries.cases import ActionView, CaseView, rounds_of
from review.services import gate
from risk import queries as risk
from users import queries as users
from users.services import acts

PERMISSION = "review.print_case"
STYLE = (Path(__file__).resolve().parents[1] / "data" / "print.css").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Line:
    """One action: who, when, what, why, and what it changed, old and new."""

    at: datetime
    who: str
    what: str
    reasons: tuple[tuple[str, str], ...]
    note: str
    changes: tuple[str, ...]


def print_case(*, case_id: int, by_id: int, reason: str, at: datetime) -> bytes:
    """The PDF of an application's review, every round. Who printed it, and why, is kept before it is made.

    Raises NotFound, NotAllowed without the permission, ReasonRequired, FontsMissing.
    """
    case = gate.lock(case_id)
    acts.record(
        by=gate.actor(by_id),
        act="print_case",
        subject=f"case:{case.pk}",
        reason=reason,
        at=at,
        permission=PERMISSION,
    )
    page = render_to_string("review/print.html", paper(case, by=gate.actor(by_id), reason=acts.checked(reason), at=at))
    return press.paper(html=page, style=STYLE)


def paper(case: Case, *, by: str, reason: str, at: datetime) -> dict[str, Any]:
    """What stands on it."""
    application = lending.application(case.application_id)
    person = users.person(application.user_id)
    rounds = rounds_of(application.id)
    written, files = notes.notes_of(application.id), notes.attachments_of(application.id)
    done = users.acts_of([f"case:{row.id}" for row, _ in rounds])
    looked = users.accesses_of(f"user:{application.user_id}")
    names = users.actor_names(
        {row.actor for _, rows in rounds for row in rows}
        | {by}
        | {row.by for row in written}
        | {row.by for row in files}
        | {f"staff:{pk}" for row, _ in rounds for pk in (row.initial_reviewer_id, row.final_reviewer_id) if pk}
    )
    texts = _texts()

    def lines_of(rows: tuple[ActionView, ...]) -> list[Line]:
        return [_line(row, names, texts) for row in rows]

    return {
        "case": case,
        "application": application,
        "printed": (names[by], at, reason),
        "person": [
            ("姓名 Name", mask_name(person.name)),
            ("身份证 ID number", mask_id(person.id_number)),
            ("手机 Phone", mask_phone(person.phone)),
            ("地区 Lives in", f"{person.province} {person.city}"),
            ("月收入 Net income a month", format_known(person.net_income_cents)),
            ("其他月还 Instalments elsewhere", format_known(person.instalments_elsewhere_cents)),
        ],
        "referred_for": [(code, texts.get(code, "")) for code in _referred_for(rounds)],
        "decided_for": [(code, texts.get(code, "")) for code in application.reasons],
        "decisions": risk.decisions_of(application.id),
        "rounds": [
            (row, _name(names, row.initial_reviewer_id), _name(names, row.final_reviewer_id), lines_of(rows))
            for row, rows in rounds
        ],
        "authority": sorted({version for _, rows in rounds for version in _versions(rows)}),
        "notes": [(row, names[row.by], redact(row.text)) for row in written],
        "files": [(row, names[row.by]) for row in files],
        "prints": [row for row in done if row.act == "print case"],
        "looked": looked,
    }


def _versions(rows: tuple[ActionView, ...]) -> list[str]:
    return [str(row.changes["authority_version"]) for row in rows if row.changes.get("authority_version")]


def _name(names: dict[str, str], user_id: int | None) -> str:
    return names[f"staff:{user_id}"] if user_id else "-"


def _texts() -> dict[str, str]:
    """Every code a person or the machine explains something with."""
    found = {row.code: f"{row.text_zh} {row.text_en}" for row in lending.reasons()}
    return found | {row.code: f"{row.text_zh} {row.text_en}" for row in Finding.objects.all()}


def _referred_for(rounds: tuple[tuple[CaseView, tuple[ActionView, ...]], ...]) -> list[str]:
    """Why the machine asked people: the codes with which the cases were opened."""
    opened = [row for _, rows in rounds for row in rows if row.action == "open"]
    return list(dict.fromkeys(code for row in opened for code in row.reasons))


def _line(row: ActionView, names: dict[str, str], texts: dict[str, str]) -> Line:
    moved = (f"{row.source or '-'} → {row.target}",) if row.source != row.target else ()
    return Line(
        at=row.occurred_at,
        who=names[row.actor],
        what=f"{row.action} {row.outcome}".strip(),
        reasons=tuple((code, texts.get(code, "")) for code in row.reasons),
        note=redact(row.note),
        changes=(*moved, *(_change(name, value) for name, value in row.changes.items())),
    )


def _change(name: str, value: Any) -> str:
    """ "amount: ¥10,000.00 → ¥6,000.00"; what the act stood on is written without an arrow."""
    label = name.removesuffix("_cents").replace("_", " ")
    if isinstance(value, list) and len(value) == 2 and name != "items":
        old, new = (_written(name, each) for each in value)
        return f"{label}: {old} → {new}"
    return f"{label}: {_written(name, value)}"


def _written(name: str, value: Any) -> str:
    if value is None or value == "":
        return "-"
    if name.endswith("_cents") and isinstance(value, int):
        return format_cents(value)
    if name == "held_by" and isinstance(value, int):
        return users.actor_name(f"staff:{value}")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
