"""Drawdowns: take money, sign, change the card, cancel."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

import contracts.queries
import contracts.services
from lending import flow, queries
from lending.api import serializers as shapes
from lending.api.base import IDEMPOTENCY_KEY, BorrowerView, problems
from lending.common.errors import NotFound
from lending.services import drawdowns
from users import queries as users


def shown(drawdown_id: int) -> Any:
    return shapes.DrawdownSerializer(queries.drawdown(drawdown_id)).data


class DrawdownsView(BorrowerView):
    @extend_schema(operation_id="drawdowns_list", responses={200: shapes.DrawdownSerializer(many=True), **problems()})
    def get(self, request: Request) -> Response:
        """Yours, newest first."""
        return Response(shapes.DrawdownSerializer(queries.drawdowns_of(self.user_id()), many=True).data)

    @extend_schema(
        parameters=[IDEMPOTENCY_KEY],
        request=shapes.DrawdownRequest,
        responses={201: shapes.DrawdownSerializer, **problems(400, 404, 409, 415, 422)},
    )
    def post(self, request: Request) -> Response:
        """Take money against a limit. The consents to share data must name the lenders that would be asked."""
        asked = shapes.DrawdownRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        grant = queries.grant_for(self.user_id(), data["grant_id"])
        card = users.card(self.user_id(), data["card_id"])

        def act() -> Any:
            return shown(
                flow.confirm_drawdown(
                    user_id=self.user_id(),
                    grant_id=grant.id,
                    amount_cents=data["amount_cents"],
                    months=data["months"],
                    method=data["method"],
                    card_id=card.id,
                    purpose=data["purpose"],
                    by=self.by(),
                    at=self.now(),
                )
            )

        return self.once(request, act)


class DrawdownView(BorrowerView):
    @extend_schema(responses={200: shapes.DrawdownSerializer, **problems(404)})
    def get(self, request: Request, public_id: UUID) -> Response:
        return Response(shapes.DrawdownSerializer(queries.drawdown_for(self.user_id(), public_id)).data)


class CancelView(BorrowerView):
    @extend_schema(request=None, responses={200: shapes.DrawdownSerializer, **problems(404, 409)})
    def post(self, request: Request, public_id: UUID) -> Response:
        """Change your mind before the money is on its way."""
        drawdown = queries.drawdown_for(self.user_id(), public_id)
        with transaction.atomic(durable=True):
            drawdowns.cancel(drawdown_id=drawdown.id, by=self.by(), at=self.now())
        return Response(shown(drawdown.id))


class CardView(BorrowerView):
    @extend_schema(
        request=shapes.CardChange,
        responses={200: shapes.DrawdownSerializer, **problems(400, 404, 409, 415, 422)},
    )
    def post(self, request: Request, public_id: UUID) -> Response:
        """Name another confirmed card after the bank refused the first; then sign the annex."""
        asked = shapes.CardChange(data=request.data)
        asked.is_valid(raise_exception=True)
        drawdown = queries.drawdown_for(self.user_id(), public_id)
        card = users.card(self.user_id(), asked.validated_data["card_id"])
        with transaction.atomic(durable=True):
            flow.change_card(drawdown_id=drawdown.id, card_id=card.id, by=self.by(), at=self.now())
        return Response(shown(drawdown.id))


class ContractsView(BorrowerView):
    @extend_schema(
        operation_id="contracts_list", responses={200: shapes.ContractSerializer(many=True), **problems(404)}
    )
    def get(self, request: Request, public_id: UUID) -> Response:
        """The documents of this drawdown: the cost sheet first."""
        drawdown = queries.drawdown_for(self.user_id(), public_id)
        return Response(shapes.ContractSerializer(contracts.queries.set_for(drawdown.id), many=True).data)


class ContractFileView(BorrowerView):
    @extend_schema(
        responses={(200, "application/pdf"): OpenApiTypes.BINARY, **problems(404, 409)},
    )
    def get(self, request: Request, public_id: UUID, contract_id: UUID) -> HttpResponse:
        """The PDF. Opening the cost sheet starts the five seconds it must be read before signing."""
        drawdown = queries.drawdown_for(self.user_id(), public_id)
        found = next((row for row in contracts.queries.set_for(drawdown.id) if row.public_id == contract_id), None)
        if found is None:
            raise NotFound("There is no such document in this set.")
        pdf = contracts.queries.pdf(found.id)
        with transaction.atomic(durable=True):
            contracts.services.open_document(contract_id=found.id, at=self.now())
        return HttpResponse(pdf, content_type="application/pdf")


class SignView(BorrowerView):
    @extend_schema(
        request=shapes.SignRequest,
        responses={200: shapes.DrawdownSerializer, **problems(400, 404, 409, 415, 422)},
    )
    def post(self, request: Request, public_id: UUID) -> Response:
        """One code signs the whole set, once the cost sheet has been open for five seconds."""
        asked = shapes.SignRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        drawdown = queries.drawdown_for(self.user_id(), public_id)
        with transaction.atomic(durable=True):
            contracts.services.sign(
                drawdown_id=drawdown.id,
                user_id=self.user_id(),
                code=asked.validated_data["code"],
                ip=self.ip(),
                at=self.now(),
            )
        return Response(shown(drawdown.id))
