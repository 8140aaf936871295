"""Bank cards of the signed-in borrower."""

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
from users.api.schema import caller, problems
from users.services import cards


class BankCardsView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="me_bank_cards",
        summary="Your bank cards",
        responses={200: shapes.CardAnswer(many=True), **problems(401)},
        tags=["me"],
    )
    def get(self, request: Request) -> Response:
        return Response(shapes.CardAnswer(queries.cards(caller(request).pk), many=True).data)

    @extend_schema(
        operation_id="me_bank_cards_add",
        summary="Add a debit card",
        description="Name, ID number, phone and card are checked with the bank; once they agree the card is `checked` "
        "and a code goes to the phone the bank has. A credit card, or one of somebody else, ends `refused`.",
        request=shapes.NewCard,
        responses={201: shapes.CardAnswer, **problems(401, 409, 422, 429)},
        tags=["me"],
    )
    def post(self, request: Request) -> Response:
        form = shapes.NewCard(data=request.data)
        form.is_valid(raise_exception=True)
        user_id = caller(request).pk
        with transaction.atomic(durable=True):
            card_id = cards.add(user_id=user_id, at=clock.now(), **form.validated_data)
        return Response(shapes.CardAnswer(queries.card(user_id, card_id)).data, status=201)


class BankCardConfirmView(APIView):
    permission_classes = (IsAuthenticated,)
    throttle_scope = "token"

    @extend_schema(
        operation_id="me_bank_cards_confirm",
        summary="Confirm a card with the code",
        request=shapes.CardCode,
        responses={200: shapes.CardAnswer, **problems(401, 404, 409, 422, 429)},
        tags=["me"],
    )
    def post(self, request: Request, card_id: UUID) -> Response:
        form = shapes.CardCode(data=request.data)
        form.is_valid(raise_exception=True)
        card = queries.card(caller(request).pk, card_id)
        with transaction.atomic(durable=True):
            cards.confirm(user_id=card.user_id, card_id=card.id, at=clock.now(), **form.validated_data)
        return Response(shapes.CardAnswer(queries.card(card.user_id, card.id)).data)
