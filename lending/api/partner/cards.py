"""Bank cards of the channel's borrower."""

from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from lending.api.partner.base import CODE, ByApplication, CodeSent, PartnerView, asked_of, code_sent, problems
from traffic import queries as traffic
from traffic import services


class CardAdded(serializers.Serializer[Any]):
    application_id = serializers.UUIDField()
    number = serializers.CharField(max_length=30)
    phone = serializers.CharField(max_length=20, help_text="The phone that the bank has for this card")


class CardCode(serializers.Serializer[Any]):
    code = serializers.RegexField(CODE, required=False, help_text="Without one, another is sent")


class Card(serializers.Serializer[Any]):
    card_id = serializers.UUIDField(source="public_id")
    bank = serializers.CharField(help_text="Empty until the bank has answered")
    last4 = serializers.CharField()
    state = serializers.ChoiceField(
        ("added", "checked", "confirmed", "refused"), help_text="checked: a code is on its way to the bank's phone"
    )


class BankCardsView(PartnerView):
    operation = "bank_cards"

    @extend_schema(
        operation_id="bank_cards",
        parameters=[ByApplication],
        responses={200: Card(many=True), **problems(404, 422)},
        tags=["bank cards"],
    )
    def get(self, request: Request) -> Response:
        """Those that you added for this borrower, newest first."""
        application = asked_of(self.channel, request)
        return Response(Card(traffic.cards_of(self.channel, application.user_id), many=True).data)

    @extend_schema(
        operation_id="bank_card_add",
        request=CardAdded,
        responses={201: Card, **problems(400, 404, 409, 413, 415, 422)},
        tags=["bank cards"],
    )
    def post(self, request: Request) -> Response:
        """Name, ID number, phone and card are checked with the bank; once they agree the card is `checked`, and the
        bank's phone gets a code. A credit card, or somebody else's, is `refused`.
        """
        asked = CardAdded(data=request.data)
        asked.is_valid(raise_exception=True)
        data = dict(asked.validated_data)
        with transaction.atomic(durable=True):
            card_id = services.add_card(
                channel_code=self.channel, public_id=data.pop("application_id"), at=self.now(), **data
            )
        return Response(Card(traffic.card_of(self.channel, card_id)).data, status=201)


class CardConfirmView(PartnerView):
    operation = "bank_cards"

    @extend_schema(
        operation_id="bank_card_confirm",
        request=CardCode,
        responses={200: Card, 202: CodeSent, **problems(400, 404, 409, 413, 415, 422)},
        tags=["bank cards"],
    )
    def post(self, request: Request, card_id: UUID) -> Response:
        """With the code; or ask for another by sending none."""
        asked = CardCode(data=request.data)
        asked.is_valid(raise_exception=True)
        with transaction.atomic(durable=True):
            is_confirmed = services.confirm_card(
                channel_code=self.channel,
                card_id=card_id,
                code=asked.validated_data.get("code", ""),
                ip=self.ip(),
                at=self.now(),
            )
        if not is_confirmed:
            return code_sent()
        return Response(Card(traffic.card_of(self.channel, card_id)).data)
