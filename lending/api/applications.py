"""Applications: start, submit, supplement, cancel, appeal."""

from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from lending import queries
from lending.api import serializers as shapes
from lending.api.base import IDEMPOTENCY_KEY, BorrowerView, problems
from lending.common.parsers import JSONParser
from lending.services import applications, supplements

OWN_CHANNEL = "OWN"


def shown(application_id: int) -> Any:
    return shapes.ApplicationSerializer(queries.application(application_id)).data


class ApplicationsView(BorrowerView):
    @extend_schema(
        operation_id="applications_list", responses={200: shapes.ApplicationSerializer(many=True), **problems()}
    )
    def get(self, request: Request) -> Response:
        """Yours, newest first."""
        return Response(shapes.ApplicationSerializer(queries.applications_of(self.user_id()), many=True).data)

    @extend_schema(
        parameters=[IDEMPOTENCY_KEY],
        request=shapes.ApplicationStart,
        responses={201: shapes.ApplicationSerializer, **problems(400, 409, 415, 422)},
    )
    def post(self, request: Request) -> Response:
        """Open a draft. One open application per kind of loan."""
        asked = shapes.ApplicationStart(data=request.data)
        asked.is_valid(raise_exception=True)

        def act() -> Any:
            return shown(
                applications.start(
                    user_id=self.user_id(),
                    product_code=asked.validated_data["product"],
                    channel_code=OWN_CHANNEL,
                    by=self.by(),
                    at=self.now(),
                    **asked.validated_data.get("plan", {}),
                )
            )

        return self.once(request, act)


class ApplicationView(BorrowerView):
    @extend_schema(responses={200: shapes.ApplicationSerializer, **problems(404)})
    def get(self, request: Request, public_id: UUID) -> Response:
        """One application with its timeline; a refusal with its reasons."""
        return Response(shapes.ApplicationSerializer(queries.application_for(self.user_id(), public_id)).data)


class SubmitView(BorrowerView):
    @extend_schema(
        request=shapes.ApplicationSubmit,
        responses={200: shapes.ApplicationSerializer, **problems(400, 404, 409, 415, 422)},
    )
    def post(self, request: Request, public_id: UUID) -> Response:
        """Ask for an amount and a term. Details, consents and the identity check come first."""
        asked = shapes.ApplicationSubmit(data=request.data)
        asked.is_valid(raise_exception=True)
        application = queries.application_for(self.user_id(), public_id)
        with transaction.atomic(durable=True):
            applications.submit(application_id=application.id, **asked.validated_data, by=self.by(), at=self.now())
        return Response(shown(application.id))


class CancelView(BorrowerView):
    @extend_schema(request=None, responses={200: shapes.ApplicationSerializer, **problems(404, 409)})
    def post(self, request: Request, public_id: UUID) -> Response:
        """Withdraw an application that is not decided yet."""
        application = queries.application_for(self.user_id(), public_id)
        with transaction.atomic(durable=True):
            applications.withdraw(application_id=application.id, by=self.by(), at=self.now())
        return Response(shown(application.id))


class AppealView(BorrowerView):
    @extend_schema(
        request=shapes.Appeal, responses={200: shapes.ApplicationSerializer, **problems(400, 404, 409, 415, 422)}
    )
    def post(self, request: Request, public_id: UUID) -> Response:
        """Ask for a person to look at a refusal: once, within 30 days."""
        asked = shapes.Appeal(data=request.data)
        asked.is_valid(raise_exception=True)
        application = queries.application_for(self.user_id(), public_id)
        with transaction.atomic(durable=True):
            applications.appeal(
                application_id=application.id, reason=asked.validated_data["reason"], by=self.by(), at=self.now()
            )
        return Response(shown(application.id))


class SupplementsView(BorrowerView):
    parser_classes = (JSONParser, MultiPartParser)

    @extend_schema(
        operation_id="supplements_list",
        responses={200: shapes.SupplementSerializer(many=True), **problems(404)},
    )
    def get(self, request: Request, public_id: UUID) -> Response:
        """What is asked for, and until when."""
        application = queries.application_for(self.user_id(), public_id)
        return Response(shapes.SupplementSerializer(queries.supplements_of(application.id), many=True).data)

    @extend_schema(
        request={
            "application/json": shapes.SupplementAnswer,
            "multipart/form-data": {
                "type": "object",
                "additionalProperties": {"type": "string", "format": "binary"},
                "description": "`file.<kind>`: a JPEG, PNG or PDF of at most 8 MB. `text.<kind>`: words, as a part "
                "without a file name. The kinds are those of `items` in what is asked for.",
            },
        },
        responses={200: shapes.ApplicationSerializer, **problems(400, 404, 409, 413, 415, 422)},
    )
    def post(self, request: Request, public_id: UUID) -> Response:
        """Bring everything that is asked for, in one go."""
        application = queries.application_for(self.user_id(), public_id)
        texts, files = _answers(request)
        with transaction.atomic(durable=True):
            supplements.answer(application_id=application.id, texts=texts, files=files, by=self.by(), at=self.now())
        return Response(shown(application.id))


def _answers(request: Request) -> tuple[dict[str, str], dict[str, bytes]]:
    if request.FILES or request.content_type.startswith("multipart/"):
        texts = {name[5:]: str(value) for name, value in request.data.items() if name.startswith("text.")}
        files = {name[5:]: file.read() for name, file in request.FILES.items() if name.startswith("file.")}
        return texts, files
    asked = shapes.SupplementAnswer(data=request.data)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data.get("texts", {})), {}
