"""Loans: schedule, repayment, early settlement, the right to give the money back."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

import funding.queries
from lending import flow, queries
from lending.api import serializers as shapes
from lending.api.base import IDEMPOTENCY_KEY, BorrowerView, problems
from users import queries as users


def shown(loan_id: int, collection_id: int) -> Any:
    found = next(row for row in funding.queries.collections_of(loan_id) if row.id == collection_id)
    return shapes.CollectionSerializer(found).data


class LoansView(BorrowerView):
    @extend_schema(operation_id="loans_list", responses={200: shapes.LoanSerializer(many=True), **problems()})
    def get(self, request: Request) -> Response:
        """Yours, newest first."""
        return Response(shapes.LoanSerializer(queries.loans_of(self.user_id(), self.now()), many=True).data)


class LoanView(BorrowerView):
    @extend_schema(responses={200: shapes.LoanSerializer, **problems(404)})
    def get(self, request: Request, public_id: UUID) -> Response:
        return Response(shapes.LoanSerializer(queries.loan_for(self.user_id(), public_id, self.now())).data)


class ScheduleView(BorrowerView):
    @extend_schema(
        operation_id="schedule_list", responses={200: shapes.InstalmentSerializer(many=True), **problems(404)}
    )
    def get(self, request: Request, public_id: UUID) -> Response:
        """Every instalment: what falls due, what is paid, what is open today."""
        loan = queries.loan_for(self.user_id(), public_id, self.now())
        return Response(shapes.InstalmentSerializer(loan.instalments, many=True).data)


class RepaymentsView(BorrowerView):
    @extend_schema(operation_id="repayments_list", responses={200: shapes.RepaymentsSerializer, **problems(404)})
    def get(self, request: Request, public_id: UUID) -> Response:
        """Money on its way, and money that has been posted."""
        loan = queries.loan_for(self.user_id(), public_id)
        found = {
            "collections": funding.queries.collections_of(loan.id),
            "repayments": queries.repayments_of(loan.id),
        }
        return Response(shapes.RepaymentsSerializer(found).data)

    @extend_schema(
        parameters=[IDEMPOTENCY_KEY],
        request=shapes.RepaymentRequest,
        responses={202: shapes.CollectionSerializer, **problems(400, 404, 409, 415, 422)},
    )
    def post(self, request: Request, public_id: UUID) -> Response:
        """Repay from a confirmed card. The answer is that it is on its way; the loan shows it once it has come in."""
        asked = shapes.RepaymentRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        loan = queries.loan_for(self.user_id(), public_id)
        card_id = asked.validated_data.get("card_id")
        card = users.card(self.user_id(), card_id) if card_id else None

        def act() -> Any:
            collection_id = flow.repay(
                loan_id=loan.id,
                amount_cents=asked.validated_data["amount_cents"],
                card_id=card.id if card else None,
                key=f"repay-{loan.public_id}-{request.headers['Idempotency-Key']}",
                by=self.by(),
                at=self.now(),
            )
            return shown(loan.id, collection_id)

        return self.once(request, act, status=202)


class SettlementQuoteView(BorrowerView):
    @extend_schema(responses={200: shapes.SettlementQuoteSerializer, **problems(404, 409)})
    def get(self, request: Request, public_id: UUID) -> Response:
        """What settles the loan today: interest to the day, no fee."""
        loan = queries.loan_for(self.user_id(), public_id)
        return Response(shapes.SettlementQuoteSerializer(queries.settlement_quote(loan.id, self.now())).data)


class WithdrawalView(BorrowerView):
    @extend_schema(
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses={202: shapes.CollectionSerializer, **problems(404, 409, 422)},
    )
    def post(self, request: Request, public_id: UUID) -> Response:
        """Give the money back within the cooling-off time: the principal is collected and nothing else is owed."""
        loan = queries.loan_for(self.user_id(), public_id)

        def act() -> Any:
            collection_id = flow.withdraw_loan(
                loan_id=loan.id,
                key=f"withdraw-{loan.public_id}-{request.headers['Idempotency-Key']}",
                by=self.by(),
                at=self.now(),
            )
            return shown(loan.id, collection_id)

        return self.once(request, act, status=202)
