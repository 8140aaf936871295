"""Loads the shipped templates: `templates/contracts/*.html` by the table `contract_templates.json`. May run again.

A template's row is whole in itself: layout, fragments and style are put together here. Where a shipped text has
changed, a new version is written and approved from that day on, or from the next where the former one began that day; a
contract keeps the version it was made with.
"""

import json
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from contracts.models import Template
from contracts.services import templates
from lending.common import clock
from lending.common.errors import Conflict
from users.models import User

DATA = Path(__file__).resolve().parents[1] / "data" / "configuration"
PAGES = Path(settings.BASE_DIR) / "templates" / "contracts"
AUTHOR, APPROVER = "legal.feng", "manager.qian"
_INCLUDE = re.compile(r"\{# include (\w+\.html) #\}")


class TemplateStaffMissing(Conflict):
    code, title = "template_staff_missing", "The staff who write and approve templates do not exist yet"


def load(*, at: datetime) -> None:
    """Raises TemplateStaffMissing where the demo's author and approver are not there."""
    table = json.loads((DATA / "contract_templates.json").read_text())
    author_id, approver_id = _staff(AUTHOR), _staff(APPROVER)
    style = (PAGES / "style.css").read_text()
    for row in table["templates"]:
        _load_one(row, table["types"], style, author_id, approver_id, at)


def source(page: str) -> str:
    """One page put into the layout, its fragments in place."""
    body = _with_fragments((PAGES / page).read_text())
    return (PAGES / "_layout.html").read_text().replace("<!-- body -->", body)


def _with_fragments(text: str) -> str:
    return _INCLUDE.sub(lambda found: _with_fragments((PAGES / found.group(1)).read_text()), text)


def _load_one(
    row: dict[str, Any], types: dict[str, str], style: str, author_id: int, approver_id: int, at: datetime
) -> None:
    page = source(row["page"])
    optional = row.get("optional", ())
    declared = {name: types[name] + "?" * (name in optional) for name in sorted(names_in(page, types))}
    latest = Template.objects.filter(code=row["code"], approved_at__isnull=False).order_by("-version").first()
    if latest and latest.source_sha256 == templates.source_sha256(page, style) and latest.variables == declared:
        return
    today = clock.business_date(at)
    template_id = templates.draft(
        code=row["code"],
        kind=row["kind"],
        title_zh=row["title_zh"],
        title_en=row["title_en"],
        channel_code=row.get("channel"),
        funder_code=row.get("funder"),
        product_code=row.get("product"),
        mode=row.get("mode"),
        source=page,
        style=style,
        declared=declared,
        valid_from=max(today, templates.earliest_start([latest])) if latest else date.fromisoformat(row["valid_from"]),
        author_id=author_id,
        at=at,
    )
    templates.approve(template_id=template_id, by_id=approver_id, reason="shipped with the configuration", at=at)


def names_in(page: str, types: dict[str, str]) -> set[str]:
    """Which of the known variables the page prints: {{ name… }}, {% for x in name… %}, {% if name… %}."""
    said = re.findall(r"\{\{\s*(\w+)|\{%\s*(?:for \w+ in|if)\s+(\w+)", page)
    return {name for pair in said for name in pair if name in types}


def _staff(username: str) -> int:
    found = User.objects.filter(username=username, is_staff=True).values_list("pk", flat=True).first()
    if found is None:
        raise TemplateStaffMissing(f"{username} is missing: run `manage.py bootstrap`.")
    return found
