"""Joint login."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from traffic import services
from traffic.api.base import PartnerView, problems


class LinkAsked(serializers.Serializer[Any]):
    phone = serializers.CharField(max_length=20)
    product = serializers.CharField(required=False, help_text="One of yours; where the borrower begins")


class LinkMade(serializers.Serializer[Any]):
    url = serializers.URLField(help_text="Send the borrower's browser there")
    expires_at = serializers.DateTimeField()


class SessionsView(PartnerView):
    operation = "sessions"

    @extend_schema(
        operation_id="session_link",
        request=LinkAsked,
        responses={201: LinkMade, **problems(400, 409, 413, 415, 422)},
        tags=["sessions"],
    )
    def post(self, request: Request) -> Response:
        """A link that lets one borrower in, once, within ten minutes."""
        code = self.caller.channel_code
        with transaction.atomic(durable=True):
            link = services.make_link(channel_code=code, body=request.data, at=self.now())
        return Response(LinkMade(link).data, status=201)
