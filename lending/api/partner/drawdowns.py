"""Money taken by the channel's borrowers: confirm, sign, change the card, cancel."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

import contracts.queries
import contracts.services
from funding.queries import openings
from lending import flow, queries
from lending.api import serializers as shapes
from lending.api.partner.base import (
    CODE,
    IDEMPOTENCY_KEY,
    ByApplication,
    CodeSent,
    PartnerView,
    asked_of,
    code_sent,
    problems,
    told,
)
from lending.common import clock
from lending.common.errors import NotFound
from lending.services import drawdowns
from lending.services.gates import PURPOSES
from traffic import queries as traffic


class DrawdownAsked(serializers.Serializer[Any]):
    application_id = serializers.UUIDField()
    amount_cents = serializers.IntegerField(min_value=1, max_value=shapes.MAX_CENTS)
    months = serializers.IntegerField(min_value=1, max_value=360)
    method = serializers.ChoiceField(choices=shapes.METHODS, default="equal_instalment")
    card_id = serializers.UUIDField()
    purpose = serializers.ChoiceField(choices=tuple(PURPOSES))


class Drawdown(serializers.Serializer[Any]):
    drawdown_id = serializers.UUIDField(source="public_id")
    status = serializers.CharField(help_text="A word of the status dictionary")
    product = serializers.CharField(source="product_code")
    currency = serializers.CharField()
    amount_cents = serializers.IntegerField()
    months = serializers.IntegerField()
    method = serializers.CharField()
    annual_rate = shapes.rate()
    irr12 = shapes.rate()
    xirr = shapes.rate()
    lender = serializers.CharField(source="funder_code", help_text="Empty until a lender holds the money")
    pays_from = serializers.DateTimeField(allow_null=True, help_text=shapes.PAYS_FROM)
    asks_again_at = serializers.DateTimeField(allow_null=True, help_text=shapes.ASKS_AGAIN_AT)
    reason_classes = serializers.ListField(child=serializers.CharField())
    confirmed_at = serializers.DateTimeField()
    paid_at = serializers.DateTimeField(allow_null=True)
    loan_id = serializers.UUIDField(source="loan_public_id", allow_null=True)


class CardChange(serializers.Serializer[Any]):
    card_id = serializers.UUIDField()


class Sign(serializers.Serializer[Any]):
    code = serializers.RegexField(CODE, required=False, help_text="Without one, it is sent to the borrower")
    borrower_ip = serializers.IPAddressField(required=False, help_text="Where the borrower's device is; kept as proof")


class Contract(serializers.Serializer[Any]):
    contract_id = serializers.UUIDField(source="public_id")
    kind = serializers.CharField()
    title_en = serializers.CharField()
    title_zh = serializers.CharField()
    is_ready = serializers.BooleanField(help_text="False while it is being prepared, for seconds")
    sha256 = serializers.CharField(source="pdf_sha256", allow_null=True)
    signed_at = serializers.DateTimeField(allow_null=True)
    sealed_at = serializers.DateTimeField(allow_null=True)


def shown(drawdown: queries.DrawdownView) -> Any:
    return told(
        Drawdown,
        drawdown,
        status=traffic.word_of(drawdown),
        currency=queries.product(drawdown.product_code).currency,
        pays_from=openings.pays_from(drawdown, clock.now()),
        asks_again_at=openings.asks_again_at(drawdown),
        reason_classes=sorted({one.cls for one in queries.explained(drawdown)}),
    )


class OfDrawdown(PartnerView):
    operation = "drawdowns"

    def found(self, public_id: UUID) -> queries.DrawdownView:
        return traffic.drawdown_of(self.channel, public_id)


class DrawdownsView(PartnerView):
    operation = "drawdowns"

    @extend_schema(
        operation_id="drawdowns",
        parameters=[ByApplication],
        responses={200: Drawdown(many=True), **problems(404, 422)},
        tags=["drawdowns"],
    )
    def get(self, request: Request) -> Response:
        """All that were taken against an application's limit, newest first."""
        application = asked_of(self.channel, request)
        rows = queries.drawdowns_of_application(application.id)
        return Response([shown(row) for row in sorted(rows, key=lambda row: -row.id)])

    @extend_schema(
        operation_id="drawdown_take",
        parameters=[IDEMPOTENCY_KEY],
        request=DrawdownAsked,
        responses={201: Drawdown, **problems(400, 404, 409, 413, 415, 422)},
        tags=["drawdowns"],
    )
    def post(self, request: Request) -> Response:
        """Take money against the application's limit. Needs a confirmed card, and the agreements of `drawdown`, which
        name the lenders that are asked.
        """
        asked = DrawdownAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        application = traffic.ordered(self.channel, data["application_id"])
        card = traffic.card_of(self.channel, data["card_id"], user_id=application.user_id)
        grant = traffic.limit_of(application)

        def act() -> Any:
            drawdown_id = flow.confirm_drawdown(
                user_id=application.user_id,
                grant_id=grant.id,
                amount_cents=data["amount_cents"],
                months=data["months"],
                method=data["method"],
                card_id=card.id,
                purpose=data["purpose"],
                consent_context=traffic.consent_context(application.public_id),
                by=self.by(),
                at=self.now(),
            )
            return shown(queries.drawdown(drawdown_id))

        return self.once(request, act)


class DrawdownView(OfDrawdown):
    @extend_schema(operation_id="drawdown", responses={200: Drawdown, **problems(404)}, tags=["drawdowns"])
    def get(self, request: Request, public_id: UUID) -> Response:
        return Response(shown(self.found(public_id)))


class CancelView(OfDrawdown):
    @extend_schema(
        operation_id="drawdown_cancel",
        request=None,
        responses={200: Drawdown, **problems(404, 409)},
        tags=["drawdowns"],
    )
    def post(self, request: Request, public_id: UUID) -> Response:
        """The borrower changes their mind, before the money is on its way."""
        drawdown = self.found(public_id)
        with transaction.atomic(durable=True):
            drawdowns.cancel(drawdown_id=drawdown.id, by=self.by(), at=self.now())
        return Response(shown(self.found(public_id)))


class CardView(OfDrawdown):
    @extend_schema(
        operation_id="drawdown_card",
        request=CardChange,
        responses={200: Drawdown, **problems(400, 404, 409, 413, 415, 422)},
        tags=["drawdowns"],
    )
    def post(self, request: Request, public_id: UUID) -> Response:
        """Another confirmed card, in `NEED_CARD`; then the annex is signed as the set was."""
        asked = CardChange(data=request.data)
        asked.is_valid(raise_exception=True)
        drawdown = self.found(public_id)
        card = traffic.card_of(self.channel, asked.validated_data["card_id"], user_id=drawdown.user_id)
        with transaction.atomic(durable=True):
            flow.change_card(drawdown_id=drawdown.id, card_id=card.id, by=self.by(), at=self.now())
        return Response(shown(self.found(public_id)))


class ContractsView(OfDrawdown):
    operation = "contracts"

    @extend_schema(operation_id="contracts", responses={200: Contract(many=True), **problems(404)}, tags=["contracts"])
    def get(self, request: Request, public_id: UUID) -> Response:
        """The documents of this drawdown, the cost sheet first; empty until a lender has agreed."""
        rows = contracts.queries.set_for(self.found(public_id).id)
        return Response([told(Contract, row, is_ready=bool(row.pdf_sha256)) for row in rows])


class ContractFileView(OfDrawdown):
    operation = "contracts"

    @extend_schema(
        operation_id="contract_file",
        responses={(200, "application/pdf"): OpenApiTypes.BINARY, **problems(404, 409)},
        tags=["contracts"],
    )
    def get(self, request: Request, public_id: UUID, contract_id: UUID) -> HttpResponse:
        """The PDF, to be shown to the borrower at once: with the cost sheet's, the five seconds of reading begin."""
        rows = contracts.queries.set_for(self.found(public_id).id)
        found = next((row for row in rows if row.public_id == contract_id), None)
        if found is None:
            raise NotFound("There is no such document in this set.")
        pdf = contracts.queries.pdf(found.id)
        with transaction.atomic(durable=True):
            contracts.services.open_document(contract_id=found.id, at=self.now())
        return HttpResponse(pdf, content_type="application/pdf")


class SignView(OfDrawdown):
    operation = "contracts"

    @extend_schema(
        operation_id="contracts_sign",
        request=Sign,
        responses={200: Drawdown, 202: CodeSent, **problems(400, 404, 409, 413, 415, 422)},
        tags=["contracts"],
    )
    def post(self, request: Request, public_id: UUID) -> Response:
        """First without a code: we send it, where the set could be signed now (202). Then with it: one code signs the
        whole set.
        """
        asked = Sign(data=request.data)
        asked.is_valid(raise_exception=True)
        drawdown = self.found(public_id)
        code, ip = asked.validated_data.get("code"), asked.validated_data.get("borrower_ip") or self.ip()
        if not code:
            return self._send(drawdown.id, ip)
        with transaction.atomic(durable=True):
            contracts.services.sign(drawdown_id=drawdown.id, user_id=drawdown.user_id, code=code, ip=ip, at=self.now())
        return Response(shown(self.found(public_id)))

    def _send(self, drawdown_id: int, ip: str) -> Response:
        with transaction.atomic(durable=True):
            flow.send_sign_code(drawdown_id=drawdown_id, ip=ip, at=self.now())
        return code_sent()
