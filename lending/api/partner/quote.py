"""What an amount and a term would cost (试算)."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from lending import queries
from lending.api import serializers as shapes
from lending.api.partner.base import PartnerView, problems
from lending.common import clock
from lending.common.errors import Invalid
from traffic import queries as traffic


class QuoteAsked(serializers.Serializer[Any]):
    """Either `product`, at the dearest price that anybody may get, or `application_id`, at the price of its limit."""

    product = serializers.CharField(max_length=20, required=False)
    application_id = serializers.UUIDField(required=False)
    amount_cents = serializers.IntegerField(min_value=1, max_value=shapes.MAX_CENTS)
    months = serializers.IntegerField(min_value=1, max_value=360)
    method = serializers.ChoiceField(choices=shapes.METHODS, default="equal_instalment")

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        if ("product" in asked) == ("application_id" in asked):
            raise serializers.ValidationError({"product": "this, or application_id"})
        return asked


class QuoteView(PartnerView):
    operation = "quote"

    @extend_schema(
        operation_id="quote",
        request=QuoteAsked,
        responses={200: shapes.QuoteSerializer, **problems(400, 404, 409, 413, 415, 422)},
        tags=["quote"],
    )
    def post(self, request: Request) -> Response:
        """The whole schedule and both annual costs. Nothing is kept."""
        asked = QuoteAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        data, on = dict(asked.validated_data), clock.business_date(self.now())
        product, application_id = data.pop("product", None), data.pop("application_id", None)
        if application_id:
            grant = traffic.limit_of(traffic.ordered(self.channel, application_id))
            found = queries.drawdown_quote(grant, on=on, **data)
        elif product in traffic.products_of(self.channel):
            found = queries.quote(product_code=product, on=on, **data)
        else:
            raise Invalid("Not one of your products.", fields={"product": "one of yours"})
        return Response(shapes.QuoteSerializer(found).data)
