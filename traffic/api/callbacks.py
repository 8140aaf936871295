"""Where downstream platforms call back: signed, answered 200 once it is recorded."""

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from lending.common import callbacks, clock, problem
from lending.common.errors import DomainError
from lending.common.inbox import UnknownProvider
from traffic import services
from traffic.providers import CALLBACKS
from traffic.providers.base import vendor


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
    callbacks.check_method(request)
    if provider not in CALLBACKS:
        raise UnknownProvider(f"{provider} is not known.")
    return callbacks.verified(request, secret=vendor(provider).secret, at=clock.now())
