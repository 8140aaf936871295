"""Limits of the channel's borrowers."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from lending import queries
from lending.api.partner.base import ByApplication, PartnerView, asked_of, problems, told
from lending.api.serializers import rate


class Limit(serializers.Serializer[Any]):
    limit_id = serializers.UUIDField(source="public_id")
    product = serializers.CharField(source="product_code")
    currency = serializers.CharField()
    limit_cents = serializers.IntegerField()
    used_cents = serializers.IntegerField()
    pending_cents = serializers.IntegerField(help_text="Held by drawdowns that are not paid out yet")
    free_cents = serializers.IntegerField()
    drawdown_min_cents = serializers.IntegerField()
    step_cents = serializers.IntegerField(help_text="Amounts are multiples of it")
    months = serializers.IntegerField(help_text="The longest term")
    terms_months = serializers.ListField(child=serializers.IntegerField())
    annual_rate = rate()
    irr12 = rate()
    xirr = rate()
    valid_until = serializers.DateTimeField()
    can_draw = serializers.BooleanField()


class LimitsView(PartnerView):
    operation = "limits"

    @extend_schema(
        operation_id="limits",
        parameters=[ByApplication],
        responses={200: Limit(many=True), **problems(404, 422)},
        tags=["limits"],
    )
    def get(self, request: Request) -> Response:
        """What an application has brought: nothing until it is `GRANTED`."""
        application = asked_of(self.channel, request)
        grants = [one for one in queries.grants_of(application.user_id) if one.application_id == application.id]
        return Response([self._shown(grant) for grant in grants])

    def _shown(self, grant: queries.GrantView) -> Any:
        product = queries.product(grant.product_code)
        months = [one for one in product.terms_months if one <= grant.months]
        usable = grant.status == "ACTIVE" and self.now() < grant.valid_until
        return told(
            Limit,
            grant,
            currency=product.currency,
            drawdown_min_cents=product.drawdown_min_cents,
            step_cents=product.step_cents,
            terms_months=months,
            can_draw=usable and grant.free_cents >= product.drawdown_min_cents,
        )
