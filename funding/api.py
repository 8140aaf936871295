"""Where funders and payment channels call back: signed, answered 200 once it is recorded."""

import json
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from funding import services
from funding.providers import CALLBACKS
from funding.providers.base import vendor
from funding.services.callbacks import UnknownProvider
from lending.common import clock, http, problem
from lending.common.errors import DomainError


@csrf_exempt
def callback(request: HttpRequest, provider: str) -> HttpResponse:
    """POST {event_id, type, occurred_at, data}. Answers {"outcome": …}; a repeated event is a "duplicate"."""
    try:
        event = _verified(request, provider)
        with transaction.atomic(durable=True):
            outcome = services.handle_callback(
                provider=provider, event_id=event["event_id"], payload=event, at=clock.now()
            )
    except DomainError as error:
        return problem.response(error)
    return JsonResponse({"outcome": outcome})


def _verified(request: HttpRequest, provider: str) -> dict[str, Any]:
    if request.method != "POST":
        raise problem.MethodNotAllowed("Callbacks are POSTed.")
    if provider not in CALLBACKS:
        raise UnknownProvider(f"{provider} is not known.")
    body = request.body
    http.verify_callback(
        headers=request.headers,
        method="POST",
        path=request.path,
        body=body,
        secret=vendor(provider).secret,
        at=clock.now(),
    )
    try:
        event = json.loads(body)
    except ValueError:
        raise problem.Malformed("Not JSON.") from None
    event_id = event.get("event_id") if isinstance(event, dict) else None
    if not isinstance(event_id, str) or not 0 < len(event_id) <= 120 or b"\\u0000" in body:
        raise problem.Malformed("An object with an event_id of at most 120 characters is expected.")
    return event
