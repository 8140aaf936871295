"""What every borrower door shares: who calls, at what time, and one answer per Idempotency-Key."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lending.common import clock
from lending.services import idempotency

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=True,
    description="1 to 128 characters. The same key with the same request gets the first answer again.",
)


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457, with a stable `code`."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    fields = serializers.DictField(child=serializers.CharField(), required=False)  # type: ignore[assignment]


_TEXT = {
    400: "The body could not be read",
    401: "No valid token",
    404: "Not yours, or not there",
    409: "The present state does not allow it, or the key is in use",
    413: "The body is too large",
    415: "Unsupported media type",
    422: "Not valid",
    429: "Too many requests; see Retry-After",
}


def problems(*codes: int) -> dict[tuple[int, str], OpenApiResponse]:
    """The documented errors of a view; 401 and 429 are always among them."""
    return {
        (code, "application/problem+json"): OpenApiResponse(ProblemSerializer, _TEXT[code])
        for code in sorted({401, 429, *codes})
    }


class IsBorrower(BasePermission):
    message = "Only borrowers use this API."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return getattr(request.user, "kind", "") == "borrower"


class BorrowerView(APIView):
    """A door for the signed-in borrower."""

    permission_classes = [IsBorrower]

    def user_id(self) -> int:
        return int(self.request.user.pk or 0)

    def by(self) -> str:
        return f"user:{self.user_id()}"

    def now(self) -> datetime:
        return clock.now()

    def ip(self) -> str:
        return str(self.request.META.get("REMOTE_ADDR", ""))

    def once(self, request: Request, act: Callable[[], Any], *, status: int = 201) -> Response:
        """Run `act` (which returns the body) in one transaction with its Idempotency-Key."""
        with transaction.atomic(durable=True):
            answer, _ = idempotency.once(
                caller=self.by(),
                key=request.headers.get("Idempotency-Key"),
                request={"path": request.path, "body": request.data},
                at=self.now(),
                act=lambda: idempotency.Answer(status, act()),
            )
        return Response(answer.body, status=answer.status_code)
