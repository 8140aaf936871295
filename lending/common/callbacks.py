"""What vendors call back, as it comes in at a door: signed, a JSON object with an event's id."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest

from lending.common import http, problem


def check_method(request: HttpRequest) -> None:
    if request.method != "POST":
        raise problem.MethodNotAllowed("Callbacks are POSTed.")


def verified(request: HttpRequest, *, secret: str, at: datetime) -> dict[str, Any]:
    """{event_id, type, occurred_at, data}, of which only the id is looked at here.

    Raises Unauthenticated, Malformed.
    """
    body = request.body
    http.verify_callback(headers=request.headers, method="POST", path=request.path, body=body, secret=secret, at=at)
    try:
        event = http.read(body)
    except ValueError:
        raise problem.Malformed("Not JSON.") from None
    event_id = event.get("event_id") if isinstance(event, dict) else None
    if not isinstance(event_id, str) or not 0 < len(event_id) <= 120:
        raise problem.Malformed("An object with an event_id of at most 120 characters is expected.")
    return dict(event)
