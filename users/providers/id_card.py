"""Reading of both sides of the resident identity card, protocol ocr-v1.

Sent with the pictures: whose card it should be. Answered: how well it can be read (`quality`: ok, or blurred, copy,
screen), and what is printed on it. A date is `2035-01-31`; `long_term` stands where the card never expires.
"""

import base64
from collections.abc import Mapping
from datetime import date
from typing import Any

from lending.common import http
from users.providers.base import Printed, Subject, Verdict, malformed
from users.queries import SourceView
from users.rules import identity

UNREADABLE = ("blurred", "copy", "screen")
LONG_TERM = "long_term"


def check(source: SourceView, subject: Subject) -> Verdict:
    """Whether the card can be read and is the subject's; until when it is valid."""
    front, back = (base64.b64encode(picture).decode() for picture in subject.pictures)
    reply = http.call(
        vendor=source.code,
        method="POST",
        url=source.endpoint,
        json={
            "request_id": subject.key,
            "holder": {"name": subject.name, "id_number": subject.id_number},
            "front": front,
            "back": back,
        },
        client_id=source.client_id,
        secret=source.secret,
        timeout_ms=source.timeout_ms,
    )
    if reply.get("request_id") != subject.key:
        raise malformed(source, "request_id", reply)
    if reply.get("quality") in UNREADABLE:
        return Verdict(result="unreadable", raw=reply)
    if reply.get("quality") != "ok":
        raise malformed(source, "quality", reply)
    printed = _printed(source, reply)
    own = identity.same_name(printed.name, subject.name) and printed.id_number == subject.id_number
    return Verdict(result="match" if own else "mismatch", raw=reply, printed=printed)


def _printed(source: SourceView, reply: Mapping[str, Any]) -> Printed:
    front, back = reply.get("front"), reply.get("back")
    if not isinstance(front, dict) or not isinstance(back, dict):
        raise malformed(source, "front or back", reply)
    name, number, until = front.get("name"), front.get("id_number"), back.get("valid_to")
    if not (isinstance(name, str) and isinstance(number, str) and isinstance(until, str)):
        raise malformed(source, "name, id_number or valid_to", reply)
    try:
        expires_on = None if until == LONG_TERM else date.fromisoformat(until)
    except ValueError:
        raise malformed(source, "valid_to", reply) from None
    return Printed(name.strip(), number.strip().upper(), expires_on)
