"""Loans of other platforms that the borrower may be handed on to."""

from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

import traffic.services
from lending import flow
from lending.api import serializers as shapes
from lending.api.base import BorrowerView, problems
from traffic.queries import distribution


class OffersView(BorrowerView):
    @extend_schema(operation_id="offers_list", responses={200: shapes.OfferSerializer(many=True), **problems()})
    def get(self, request: Request) -> Response:
        """What you chose, latest first, then what you can choose, best first: by your odds, then by what it costs
        you. Nothing about you has left us for an offer that you did not choose.
        """
        return Response(self._shown())

    @extend_schema(
        operation_id="offers_look",
        request=None,
        responses={200: shapes.OfferSerializer(many=True), **problems(409)},
    )
    def post(self, request: Request) -> Response:
        """Look for other platforms for what your latest decided application left open; at most once a day."""
        with transaction.atomic(durable=True):
            traffic.services.look_for(user_id=self.user_id(), at=self.now())
        return Response(self._shown())

    def _shown(self) -> Any:
        return shapes.OfferSerializer(distribution.offers_of(self.user_id(), self.now()), many=True).data


class OfferView(BorrowerView):
    @extend_schema(responses={200: shapes.OfferSerializer, **problems(404)})
    def get(self, request: Request, public_id: UUID) -> Response:
        found = distribution.offer_for(self.user_id(), public_id, self.now())
        return Response(shapes.OfferSerializer(found).data)


class AcceptView(BorrowerView):
    @extend_schema(
        request=shapes.OfferAcceptance,
        responses={200: shapes.OfferSerializer, **problems(400, 404, 409, 415, 422)},
    )
    def post(self, request: Request, public_id: UUID) -> Response:
        """Choose it, and sign the consent that names its platform, for this offer alone. The text and its version:
        `agreements` at the moment `distribution`; the code: `auth/otp`, purpose `consent`, subject `distribution`.
        """
        asked = shapes.OfferAcceptance(data=request.data)
        asked.is_valid(raise_exception=True)
        with transaction.atomic(durable=True):
            flow.accept_offer(
                user_id=self.user_id(),
                offer_id=public_id,
                version=asked.validated_data["version"],
                otp=asked.validated_data["code"],
                ip=self.ip(),
                at=self.now(),
            )
        found = distribution.offer_for(self.user_id(), public_id, self.now())
        return Response(shapes.OfferSerializer(found).data)
