"""Prechecks: a plain view, because it is called for every borrower a partner has, and most never come."""

import json
import time
from typing import Any

from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from lending.common import clock, problem
from lending.common.errors import DomainError
from lending.common.partner import admit, read
from traffic import services
from traffic.api.base import GATE, PartnerView, problems
from traffic.rules.precheck import ANSWERS


@csrf_exempt
def precheck(request: HttpRequest) -> HttpResponse:
    """Documented by `Documented`. Goes past what serves people: `lending.middleware.Lean`."""
    started = time.perf_counter()
    # Its first statement finds out whether the connection is alive.
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        if request.method != "POST":
            raise problem.MethodNotAllowed(f'Method "{request.method}" not allowed.')
        try:
            told = _asked(request, started)
        except OperationalError:
            if connection.is_usable():
                raise
            connection.close()  # what was sent on it may have been kept: then the nonce says so
            told = _asked(request, started)
    except DomainError as error:
        return problem.response(error)
    except Exception:
        admit(GATE, request, "precheck")  # nothing of it stands: the console shows a call without an answer
        raise
    return HttpResponse(json.dumps(told), content_type="application/json")


def _asked(request: HttpRequest, started: float) -> dict[str, Any]:
    return services.precheck(
        request=read(request),
        address=str(request.META.get("REMOTE_ADDR", "")),
        body=lambda: _body(request),
        elapsed=lambda: round((time.perf_counter() - started) * 1000),
        now=time.time(),
        at=clock.now(),
    )


def _body(request: HttpRequest) -> Any:
    if request.content_type != "application/json":
        raise problem.UnsupportedMediaType(f'Unsupported media type "{request.content_type}" in request.')
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        raise problem.Malformed("Not JSON.") from None


# --- how the document shows it ------------------------------------------------------------------------------------


class ByHash(serializers.Serializer[Any]):
    """Channels with keyed_hash."""

    phone_hash = serializers.RegexField(r"^[0-9a-f]{64}$")


class ByPrefix(serializers.Serializer[Any]):
    """Channels with prefix8."""

    phone_hash_prefix = serializers.RegexField(r"^[0-9a-f]{8}$")


class OneAnswer(serializers.Serializer[Any]):
    answer = serializers.ChoiceField(choices=ANSWERS)
    until = serializers.DateTimeField(allow_null=True, help_text="With cooling_off")


class Match(serializers.Serializer[Any]):
    hash = serializers.CharField()
    answer = serializers.ChoiceField(choices=ANSWERS)
    until = serializers.DateTimeField(allow_null=True)


class Bucket(serializers.Serializer[Any]):
    """`matches`: find your own hash among them; `otherwise`: where it is not there. Some are of nobody."""

    matches = Match(many=True)
    otherwise = serializers.ChoiceField(choices=ANSWERS)


class Documented(PartnerView):
    operation = "precheck"

    @extend_schema(
        operation_id="precheck",
        request=PolymorphicProxySerializer("PrecheckAsked", [ByHash, ByPrefix], None),
        responses={
            200: PolymorphicProxySerializer("PrecheckAnswer", [OneAnswer, Bucket], None),
            **problems(400, 409, 413, 415, 422),
        },
        tags=["precheck"],
    )
    def post(self, request: Request) -> Response:
        """Whether it is worth bringing somebody, without saying who: a class, never whether we know them."""
        raise NotImplementedError
