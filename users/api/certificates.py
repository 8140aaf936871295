"""Documents that the signed-in borrower keeps with us."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lending.common import clock
from lending.common.web import as_file
from users import queries
from users.api import serializers as shapes
from users.api.schema import caller, problems
from users.services import certificates


def _shown(user_id: int, view: queries.CertificateView) -> dict[str, Any]:
    token = queries.certificate_token(view, user_id=user_id, at=clock.now())
    return {**vars(view), "link": f"/api/v1/me/files/{token}"}


class CertificatesView(APIView):
    permission_classes = (IsAuthenticated,)
    parser_classes = (MultiPartParser,)

    @extend_schema(
        operation_id="me_certificates",
        summary="Your documents, newest first",
        responses={200: shapes.CertificateAnswer(many=True), **problems(401)},
        tags=["me"],
    )
    def get(self, request: Request) -> Response:
        user_id = caller(request).pk
        found = [_shown(user_id, view) for view in queries.certificates(user_id)]
        return Response(shapes.CertificateAnswer(found, many=True).data)

    @extend_schema(
        operation_id="me_certificates_add",
        summary="Keep a document with us",
        description="Needs the consent `certificates` (moment `upload`). A picture is made anew: nothing but its "
        "pixels is kept. A side of the ID card must be a picture, and takes the place of the one before.",
        request={"multipart/form-data": shapes.NewCertificate},
        responses={201: shapes.CertificateAnswer, **problems(400, 401, 409, 413, 415, 422, 429)},
        tags=["me"],
    )
    def post(self, request: Request) -> Response:
        form = shapes.NewCertificate(data=request.data)
        form.is_valid(raise_exception=True)
        user_id, content = caller(request).pk, form.validated_data["file"].read()
        with transaction.atomic(durable=True):
            certificate_id = certificates.add(
                user_id=user_id, kind=form.validated_data["kind"], content=content, at=clock.now()
            )
        answer = _shown(user_id, queries.certificate(user_id, certificate_id))
        return Response(shapes.CertificateAnswer(answer).data, status=201)


class CertificateView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="me_certificates_remove",
        summary="Remove a document; its file is deleted",
        responses={204: None, **problems(401, 404, 409)},
        tags=["me"],
    )
    def delete(self, request: Request, public_id: UUID) -> Response:
        with transaction.atomic(durable=True):
            certificates.remove(user_id=caller(request).pk, public_id=public_id, at=clock.now())
        return Response(status=204)


class FileView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="me_file",
        summary="The file behind a `link`",
        responses={
            (200, "image/jpeg"): OpenApiTypes.BINARY,
            (200, "application/pdf"): OpenApiTypes.BINARY,
            **problems(401, 404),
        },
        tags=["me"],
    )
    def get(self, request: Request, token: str) -> HttpResponse:
        found = queries.opened_certificate(token, user_id=caller(request).pk, at=clock.now())
        return as_file(found.content, found.name, found.mime)
