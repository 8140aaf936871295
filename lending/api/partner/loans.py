"""Loans of the channel's borrowers: the plan, repayments, early settlement."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

import funding.queries
from lending import flow, queries
from lending.api import serializers as shapes
from lending.api.partner.base import IDEMPOTENCY_KEY, PartnerView, problems, told
from traffic import queries as traffic


class RepaymentPlan(serializers.Serializer[Any]):
    loan_id = serializers.UUIDField(source="public_id")
    drawdown_id = serializers.UUIDField()
    status = serializers.CharField(help_text="PAID while it is being repaid, OVERDUE, SETTLED or CANCELLED")
    currency = serializers.CharField()
    principal_cents = serializers.IntegerField()
    outstanding_principal_cents = serializers.IntegerField()
    annual_rate = shapes.rate()
    overdue_rate = shapes.rate()
    irr12 = shapes.rate()
    xirr = shapes.rate()
    method = serializers.CharField()
    value_date = serializers.DateField(help_text="Interest runs from it")
    days_past_due = serializers.IntegerField(source="dpd")
    instalments = shapes.InstalmentSerializer(many=True)


class PlanView(PartnerView):
    operation = "loans"

    @extend_schema(operation_id="repayment_plan", responses={200: RepaymentPlan, **problems(404)}, tags=["loans"])
    def get(self, request: Request, public_id: UUID) -> Response:
        """Every instalment: what falls due, what is paid, what is open today."""
        loan = traffic.loan_of(self.channel, public_id, self.now())
        drawdown = queries.drawdown(loan.drawdown_id)
        currency = queries.product(loan.product_code).currency
        more = {"drawdown_id": drawdown.public_id, "status": traffic.word_of(drawdown), "currency": currency}
        return Response(told(RepaymentPlan, loan, **more))


class RepaymentsView(PartnerView):
    operation = "loans"

    @extend_schema(
        operation_id="repayments", responses={200: shapes.RepaymentsSerializer, **problems(404)}, tags=["loans"]
    )
    def get(self, request: Request, public_id: UUID) -> Response:
        """Money on its way (`collections`), and money that has been posted (`repayments`)."""
        loan = traffic.loan_of(self.channel, public_id)
        found = {
            "collections": funding.queries.collections_of(loan.id),
            "repayments": queries.repayments_of(loan.id),
        }
        return Response(shapes.RepaymentsSerializer(found).data)

    @extend_schema(
        operation_id="repay",
        parameters=[IDEMPOTENCY_KEY],
        request=shapes.RepaymentRequest,
        responses={202: shapes.CollectionSerializer, **problems(400, 404, 409, 413, 415, 422)},
        tags=["loans"],
    )
    def post(self, request: Request, public_id: UUID) -> Response:
        """The borrower repays from a confirmed card. It is on its way; the plan shows it once it has come in."""
        asked = shapes.RepaymentRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        loan = traffic.loan_of(self.channel, public_id)
        card_id = asked.validated_data.get("card_id")
        card = traffic.card_of(self.channel, card_id, user_id=loan.user_id) if card_id else None

        def act() -> Any:
            collection_id = flow.repay(
                loan_id=loan.id,
                amount_cents=asked.validated_data["amount_cents"],
                card_id=card.id if card else None,
                key=f"repay-{self.channel}-{loan.public_id}-{request.headers['Idempotency-Key']}",
                by=self.by(),
                at=self.now(),
            )
            rows = funding.queries.collections_of(loan.id)
            return shapes.CollectionSerializer(next(row for row in rows if row.id == collection_id)).data

        return self.once(request, act, status=202)


class SettlementQuoteView(PartnerView):
    operation = "loans"

    @extend_schema(
        operation_id="settlement_quote",
        responses={200: shapes.SettlementQuoteSerializer, **problems(404, 409)},
        tags=["loans"],
    )
    def get(self, request: Request, public_id: UUID) -> Response:
        """What settles the loan today: interest to the day, no fee."""
        loan = traffic.loan_of(self.channel, public_id)
        return Response(shapes.SettlementQuoteSerializer(queries.settlement_quote(loan.id, self.now())).data)
