"""What to read and accept at each moment, and which data about the borrower was used."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lending import overview
from lending.api import serializers as shapes
from lending.api.base import BorrowerView, IsBorrower, problems

MOMENTS = ("register", "apply", "upload", "drawdown", "sign", "card_fix", "distribution")


class AgreementsQuery(serializers.Serializer[Any]):
    moment = serializers.ChoiceField(choices=MOMENTS)
    grant_id = serializers.UUIDField(required=False)
    amount_cents = serializers.IntegerField(required=False, min_value=1, max_value=shapes.MAX_CENTS)
    months = serializers.IntegerField(required=False, min_value=1, max_value=360)
    offer_id = serializers.UUIDField(required=False)


class MayRead(IsBorrower):
    """A borrower; and anybody, what they would accept by registering."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.query_params.get("moment") == "register" or super().has_permission(request, view)


class AgreementsView(BorrowerView):
    permission_classes = [MayRead]

    @extend_schema(
        operation_id="agreements_list",
        auth=[{"bearer": []}, {}],  # type: ignore[list-item]  # as OpenAPI writes it: with a token, or without
        parameters=[
            OpenApiParameter("moment", str, required=True, enum=MOMENTS),
            OpenApiParameter("grant_id", UUID, description="At `drawdown`: names the lenders that would be asked"),
            OpenApiParameter("amount_cents", int, description="At `drawdown`"),
            OpenApiParameter("months", int, description="At `drawdown`"),
            OpenApiParameter("offer_id", UUID, description="At `distribution`: names the platform of that offer"),
        ],
        responses={200: shapes.AgreementSerializer(many=True), **problems(404, 422)},
    )
    def get(self, request: Request) -> Response:
        """The documents of a moment in the order of signing, with the recipients each consent must name. Those of
        `register` can be read before signing in.
        """
        asked = AgreementsQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = overview.agreements(user_id=self.user_id(), at=self.now(), **asked.validated_data)
        return Response(shapes.AgreementSerializer(found, many=True).data)


class DataUsedView(BorrowerView):
    @extend_schema(operation_id="data_used_list", responses={200: shapes.DataUsedSerializer(many=True), **problems()})
    def get(self, request: Request) -> Response:
        """Every use of your data: credit sources, identity and card checks, lenders, text messages, your own phone;
        with the consent it stood on, and what was left out because no consent is live.
        """
        found = overview.data_used(user_id=self.user_id(), at=self.now())
        return Response(shapes.DataUsedSerializer(found, many=True).data)
