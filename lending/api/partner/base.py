"""What these doors share beside the signature: whose order it is, and one answer per Idempotency-Key."""

from collections.abc import Callable
from typing import Any, cast

from django.db import transaction
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from lending import queries
from lending.api.base import IDEMPOTENCY_KEY
from lending.common.partner import Gate, SignedView, problems
from lending.services import idempotency
from traffic import queries as traffic
from traffic import services
from users.services.codes import CODE_GAP, CODE_TTL

__all__ = ["IDEMPOTENCY_KEY", "PartnerView", "problems"]

CODE = r"^\d{6}$"


class ByApplication(serializers.Serializer[Any]):
    application_id = serializers.UUIDField()


class CodeSent(serializers.Serializer[Any]):
    """Send the same again with the code."""

    expires_in = serializers.IntegerField(help_text="Seconds")
    retry_after = serializers.IntegerField(help_text="Seconds until another may be asked for")


def asked_of(channel: str, request: Request) -> queries.ApplicationView:
    """The channel's order that the query names. Raises NotFound."""
    asked = ByApplication(data=request.query_params)
    asked.is_valid(raise_exception=True)
    return traffic.ordered(channel, asked.validated_data["application_id"])


def told(shape: type[serializers.Serializer[Any]], row: Any, **more: Any) -> Any:
    """The row in this shape; `more`: what the row itself does not say."""
    own = {str(field.source) for field in shape().fields.values()} - more.keys()
    return shape({name: getattr(row, name) for name in own} | more).data


def code_sent() -> Response:
    told = {"expires_in": CODE_TTL.seconds, "retry_after": CODE_GAP.seconds}
    return Response(CodeSent(told).data, status=202)


class PartnerView(SignedView):
    gate = cast(Gate, services)

    @property
    def channel(self) -> str:
        return self.caller.channel_code

    def by(self) -> str:
        return self.caller.by

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
