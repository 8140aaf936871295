"""Consents of the signed-in borrower."""

from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lending.common import clock
from users import queries
from users.api import serializers as shapes
from users.api.schema import address, caller, problems
from users.services import consents


class ConsentsView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="me_consents",
        summary="Every consent you gave, newest first",
        responses={200: shapes.ConsentAnswer(many=True), **problems(401)},
        tags=["me"],
    )
    def get(self, request: Request) -> Response:
        return Response(shapes.ConsentAnswer(queries.consents(caller(request).pk), many=True).data)

    @extend_schema(
        operation_id="me_consents_give",
        summary="Give a consent",
        description="To the version in force. Documents accepted by `otp` need a code: ask auth/otp with purpose "
        "`consent` and the document's code as subject.",
        request=shapes.GivenConsent,
        responses={201: shapes.ConsentAnswer, **problems(401, 409, 422, 429)},
        tags=["me"],
    )
    def post(self, request: Request) -> Response:
        form = shapes.GivenConsent(data=request.data)
        form.is_valid(raise_exception=True)
        with transaction.atomic(durable=True):
            consent_id = consents.give(
                user_id=caller(request).pk, ip=address(request), at=clock.now(), **form.validated_data
            )
        return Response(shapes.ConsentAnswer(queries.consent(consent_id)).data, status=201)


class ConsentView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="me_consent",
        summary="One consent as you gave it",
        description="With the text of the version you read, and what withdrawing it would stop.",
        responses={200: shapes.ConsentAsGiven, **problems(401, 404)},
        tags=["me"],
    )
    def get(self, request: Request, consent_id: UUID) -> Response:
        found = queries.consent_as_given(caller(request).pk, consent_id, clock.now())
        return Response(shapes.ConsentAsGiven(found).data)


class ConsentWithdrawView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="me_consents_withdraw",
        summary="Withdraw a consent",
        description="Nothing more is sent under it from this moment, nor under the same consent given before. What was "
        "decided before stays. Without the agreements of the account (service, privacy) every sign-in ends.",
        request=None,
        responses={200: shapes.ConsentAnswer(many=True), **problems(401, 404, 409)},
        tags=["me"],
    )
    def post(self, request: Request, consent_id: UUID) -> Response:
        user_id = caller(request).pk
        with transaction.atomic(durable=True):
            consents.withdraw(user_id=user_id, consent_id=consent_id, by=f"user:{user_id}", at=clock.now())
        return Response(shapes.ConsentAnswer(queries.consents(user_id), many=True).data)
