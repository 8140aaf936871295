"""Limits."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from lending import queries
from lending.api import serializers as shapes
from lending.api.base import BorrowerView, problems


class GrantsView(BorrowerView):
    @extend_schema(operation_id="grants_list", responses={200: shapes.GrantSerializer(many=True), **problems()})
    def get(self, request: Request) -> Response:
        """Limit, used, free, price, and until when, newest first."""
        return Response(shapes.GrantSerializer(queries.grants_of(self.user_id()), many=True).data)
