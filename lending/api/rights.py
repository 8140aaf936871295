"""What borrowers may ask for over their data."""

from typing import Any

from django.db import transaction
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from lending import overview
from lending.api.base import BorrowerView, problems
from users.services import rights


class RightsCode(serializers.Serializer[Any]):
    code = serializers.RegexField(r"^\d{6}$", help_text="From auth/otp with the purpose of this request")


class ExportView(BorrowerView):
    @extend_schema(
        operation_id="me_export",
        request=RightsCode,
        responses={(200, "application/zip"): OpenApiTypes.BINARY, **problems(400, 404, 415, 422)},
        tags=["me"],
    )
    def post(self, request: Request) -> FileResponse:
        """Everything held about you, as one file: `data.json` and your documents. Needs a code of purpose `export`."""
        asked = RightsCode(data=request.data)
        asked.is_valid(raise_exception=True)
        with transaction.atomic(durable=True):
            rights.allow_export(user_id=self.user_id(), code=asked.validated_data["code"], by=self.by(), at=self.now())
        file = overview.export(user_id=self.user_id(), at=self.now())
        return FileResponse(file, as_attachment=True, filename="my-data.zip", content_type="application/zip")
