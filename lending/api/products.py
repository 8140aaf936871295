"""Products and what they would cost."""

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lending import queries
from lending.api import serializers as shapes
from lending.api.base import problems
from lending.common import clock


class ProductsView(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="products_list", auth=[], responses={200: shapes.ProductSerializer(many=True), **problems()}
    )
    def get(self, request: Request) -> Response:
        """What can be borrowed."""
        return Response(shapes.ProductSerializer(queries.products(), many=True).data)


class QuoteView(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(
        auth=[], request=shapes.QuoteRequest, responses={200: shapes.QuoteSerializer, **problems(400, 404, 415, 422)}
    )
    def post(self, request: Request, code: str) -> Response:
        """The whole schedule and both annual costs of an amount and a term, before anything is asked for."""
        asked = shapes.QuoteRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        quote = queries.quote(product_code=code, on=clock.business_date(clock.now()), **asked.validated_data)
        return Response(shapes.QuoteSerializer(quote).data)
