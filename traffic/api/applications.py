"""Applications that a channel brings, and what became of them."""

from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from lending.common.parsers import JSONParser
from traffic import queries, services
from traffic.api.base import PartnerView, problems

INTAKE = {
    "application/json": {
        "type": "object",
        "description": "Fields by the names that were agreed with your channel; the guide shows the common ones. "
        "Unknown fields are refused by name.",
        "additionalProperties": True,
    }
}


class Mine(serializers.Serializer[Any]):
    order_id = serializers.CharField(max_length=64)


class DrawdownStatus(serializers.Serializer[Any]):
    drawdown_id = serializers.UUIDField()
    status = serializers.CharField()
    amount_cents = serializers.IntegerField()
    currency = serializers.CharField()
    loan_id = serializers.UUIDField(allow_null=True)


class ApplicationStatus(serializers.Serializer[Any]):
    """`status`: a word of the status dictionary. A refusal shows classes of reasons, never the reasons."""

    application_id = serializers.UUIDField()
    order_id = serializers.CharField(help_text="Yours; empty where the borrower came by joint login")
    status = serializers.CharField()
    product = serializers.CharField()
    amount_cents = serializers.IntegerField(allow_null=True)
    currency = serializers.CharField()
    months = serializers.IntegerField(allow_null=True)
    received_at = serializers.DateTimeField()
    details_taken = serializers.BooleanField(help_text="False: we have details of this borrower already, and kept them")
    missing = serializers.ListField(
        child=serializers.CharField(), help_text="Details still needed before it can be submitted; while it is a draft"
    )
    limit_cents = serializers.IntegerField(allow_null=True)
    annual_rate = serializers.CharField(allow_null=True)
    reason_classes = serializers.ListField(child=serializers.CharField())
    reapply_at = serializers.DateTimeField(allow_null=True)
    drawdowns = DrawdownStatus(many=True)


class SupplementItem(serializers.Serializer[Any]):
    kind = serializers.CharField()
    request_text = serializers.CharField()


class Asked(serializers.Serializer[Any]):
    """What is asked for; empty items where nothing is."""

    expires_at = serializers.DateTimeField(allow_null=True)
    items = SupplementItem(many=True)


class Answers(serializers.Serializer[Any]):
    texts = serializers.DictField(child=serializers.CharField(max_length=1000))


def shown(channel_code: str, public_id: UUID) -> Any:
    return ApplicationStatus(queries.status_of(channel_code, public_id)).data


class ApplicationsView(PartnerView):
    operation = "applications"

    def operation_of(self, method: str) -> str:
        return "intake" if method == "POST" else self.operation

    @extend_schema(
        operation_id="application_by_order",
        parameters=[Mine],
        responses={200: ApplicationStatus, **problems(404, 422)},
        tags=["applications"],
    )
    def get(self, request: Request) -> Response:
        """One of yours by your own id."""
        asked = Mine(data=request.query_params)
        asked.is_valid(raise_exception=True)
        code = self.caller.channel_code
        return Response(shown(code, queries.by_order(code, asked.validated_data["order_id"])))

    @extend_schema(
        operation_id="application_bring",
        request=INTAKE,
        responses={201: ApplicationStatus, 200: ApplicationStatus, **problems(400, 409, 413, 415, 422)},
        tags=["applications"],
    )
    def post(self, request: Request) -> Response:
        """Bring an application. The same order again, however often and at once, is answered with the same one."""
        code = self.caller.channel_code
        with transaction.atomic(durable=True):
            pk, is_new = services.receive_application(channel_code=code, body=request.data, at=self.now())
        return Response(ApplicationStatus(queries.status_of_id(pk)).data, status=201 if is_new else 200)


class ApplicationView(PartnerView):
    operation = "applications"

    @extend_schema(
        operation_id="application", responses={200: ApplicationStatus, **problems(404)}, tags=["applications"]
    )
    def get(self, request: Request, public_id: UUID) -> Response:
        """One of yours, with its drawdowns."""
        return Response(shown(self.caller.channel_code, public_id))


class CancelView(PartnerView):
    operation = "cancel"

    @extend_schema(
        operation_id="application_cancel",
        request=None,
        responses={200: ApplicationStatus, **problems(404, 409)},
        tags=["applications"],
    )
    def post(self, request: Request, public_id: UUID) -> Response:
        """Withdraw one that is not decided yet."""
        code = self.caller.channel_code
        with transaction.atomic(durable=True):
            services.cancel_application(channel_code=code, public_id=public_id, at=self.now())
        return Response(shown(code, public_id))


class SupplementsView(PartnerView):
    operation = "supplements"
    parser_classes = (JSONParser, MultiPartParser)

    @extend_schema(operation_id="supplements", responses={200: Asked, **problems(404)}, tags=["applications"])
    def get(self, request: Request, public_id: UUID) -> Response:
        """What is asked for, and until when."""
        return Response(Asked(queries.supplement_of(self.caller.channel_code, public_id)).data)

    @extend_schema(
        operation_id="supplements_bring",
        request={
            "application/json": Answers,
            "multipart/form-data": {
                "type": "object",
                "additionalProperties": {"type": "string", "format": "binary"},
                "description": "`file.<kind>`: a JPEG, PNG or PDF of at most 8 MB; `text.<kind>`: words.",
            },
        },
        responses={200: ApplicationStatus, **problems(400, 404, 409, 413, 415, 422)},
        tags=["applications"],
    )
    def post(self, request: Request, public_id: UUID) -> Response:
        """Bring everything that is asked for, in one go."""
        texts, files = _answers(request)
        code = self.caller.channel_code
        with transaction.atomic(durable=True):
            services.answer_supplements(channel_code=code, public_id=public_id, texts=texts, files=files, at=self.now())
        return Response(shown(code, public_id))


def _answers(request: Request) -> tuple[dict[str, str], dict[str, bytes]]:
    if (request.content_type or "").startswith("multipart/"):
        texts = {name[5:]: str(value) for name, value in request.data.items() if name.startswith("text.")}
        return texts, {name[5:]: file.read() for name, file in request.FILES.items() if name.startswith("file.")}
    asked = Answers(data=request.data)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data["texts"]), {}
