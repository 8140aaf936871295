"""Showing the raw answer behind one input of one decision, for a reason that is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lending.common.errors import NotFound
from risk.models import DataPull, Decision
from risk.queries import lineage
from risk.rules.catalogue import subtree
from users.services import access


class NoRawAnswer(NotFound):
    code, title = "no_raw_answer", "No raw answer stands behind this input"


@dataclass(frozen=True)
class Revealed:
    """`part`: the payload down to the variable's path, without anything beside it; the ids are the vendor's own."""

    source: str
    request_id: str
    vendor_ref: str
    part: Mapping[str, Any] | None = field(repr=False)


def reveal(*, decision_id: int, name: str, by: str, reason: str, at: datetime) -> Revealed:
    """The log first, then the answer's part. Raises NotFound, NoRawAnswer, ReasonRequired, Forbidden of who must not
    see this borrower's data."""
    found = lineage.line(decision_id, name)
    if found.origin_pull_id is None:
        raise NoRawAnswer
    access.record(by=by, reason=reason, at=at, **_asked(decision_id, found))
    pull = DataPull.objects.get(pk=found.origin_pull_id)
    payload = pull.payload or {}
    part = subtree(f"data.{found.path}", payload)
    return Revealed(pull.source_code, str(payload.get("request_id", "")), str(payload.get("vendor_ref", "")), part)


def refused(*, decision_id: int, name: str, by: str, reason: str, at: datetime) -> None:
    """Keep that somebody asked who must not see it."""
    access.record_refusal(by=by, reason=reason, at=at, **_asked(decision_id, lineage.line(decision_id, name)))


def _asked(decision_id: int, found: lineage.Line) -> dict[str, Any]:
    user_id = Decision.objects.values_list("assessment__user_id", flat=True).get(pk=decision_id)
    return {"subject": f"user:{user_id}", "fields": [f"{found.vendor}.{found.path}"[:40]]}
