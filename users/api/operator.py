"""Authorisation at the phone operator: begun here, decided at the carrier, which also calls back here."""

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lending.common import clock, http, problem
from lending.common.errors import DomainError
from users import queries
from users.api import serializers as shapes
from users.api.schema import caller, problems
from users.rules.operator import GIVES
from users.services import operator


class OperatorView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="me_operator",
        summary="How your authorisation at the phone operator stands",
        responses={200: shapes.OperatorAnswer, **problems(401)},
        tags=["me"],
    )
    def get(self, request: Request) -> Response:
        return _standing(caller(request).pk)

    @extend_schema(
        operation_id="me_operator_start",
        summary="Let your phone operator be asked",
        description="Needs the optional consent `operator`. Answers at once; the carrier says within seconds which way "
        "it goes, read it with GET: `code_sent` (it texts a code, send that to me/operator/code) or `redirected` (open "
        "`page` in a browser; GET tells when it is done). One that is live, or was begun less than a minute ago, is "
        "answered again. Five a day.",
        request=None,
        responses={202: shapes.OperatorAnswer, **problems(401, 409, 429)},
        tags=["me"],
    )
    def post(self, request: Request) -> Response:
        user_id = caller(request).pk
        with transaction.atomic(durable=True):
            operator.start(user_id=user_id, at=clock.now())
        return _standing(user_id, status=202)


class OperatorCodeView(APIView):
    permission_classes = (IsAuthenticated,)
    throttle_scope = "token"

    @extend_schema(
        operation_id="me_operator_code",
        summary="Hand over the code that your phone operator texted",
        description="Answers at once; the carrier looks at it within seconds, read the result with GET. A wrong one "
        "leaves `code_sent` with `why` wrong_code; after five it is over.",
        request=shapes.OperatorCode,
        responses={202: shapes.OperatorAnswer, **problems(401, 409, 422, 429)},
        tags=["me"],
    )
    def post(self, request: Request) -> Response:
        form = shapes.OperatorCode(data=request.data)
        form.is_valid(raise_exception=True)
        user_id = caller(request).pk
        with transaction.atomic(durable=True):
            operator.confirm_code(user_id=user_id, at=clock.now(), **form.validated_data)
        return _standing(user_id, status=202)


def _standing(user_id: int, status: int = 200) -> Response:
    view = queries.operator(user_id, clock.now())
    told = {**vars(view), "is_wanted": view.is_wanted, "gives_en": GIVES[0], "gives_zh": GIVES[1]}
    return Response(shapes.OperatorAnswer(told).data, status=status)


@csrf_exempt
def callback(request: HttpRequest) -> HttpResponse:
    """POST {event_id, type, occurred_at, data}, signed. Answers {"outcome": "settled" | "ignored"}."""
    try:
        told = _verified(request)
        with transaction.atomic(durable=True):
            outcome = operator.called_back(told=told, at=clock.now())
    except DomainError as error:
        return problem.response(error)
    return JsonResponse({"outcome": outcome})


def _verified(request: HttpRequest) -> dict[str, Any]:
    if request.method != "POST":
        raise problem.MethodNotAllowed("Callbacks are POSTed.")
    body = request.body
    http.verify_callback(
        headers=request.headers,
        method="POST",
        path=request.get_full_path(),
        body=body,
        secret=operator.secret(),
        at=clock.now(),
    )
    try:
        event = http.read(body)
    except ValueError:
        raise problem.Malformed("Not JSON.") from None
    told = event.get("data") if isinstance(event, dict) else None
    if not isinstance(told, dict):
        raise problem.Malformed("An object with an object `data` is expected.")
    return told
