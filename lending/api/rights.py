"""What borrowers may ask for over their data."""

from typing import Any

from django.db import transaction
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from lending import flow, overview
from lending.api.base import BorrowerView, problems
from users.rules import erasure
from users.services import rights


class RightsCode(serializers.Serializer[Any]):
    code = serializers.RegexField(r"^\d{6}$", help_text="From auth/otp with the purpose of this request")


class Told(serializers.Serializer[Any]):
    code = serializers.CharField()
    text_en = serializers.CharField()
    text_zh = serializers.CharField()


class ErasingAnswer(serializers.Serializer[Any]):
    in_the_way = Told(many=True, help_text="What has to end first")
    kept = Told(many=True, help_text="What stays, and why")
    keep_until = serializers.DateField(help_text="The last day of what stays; then it is deleted or emptied")


def _told(found: flow.Erasing) -> Response:
    def words(names: tuple[str, ...], texts: dict[str, tuple[str, str]]) -> list[dict[str, str]]:
        return [{"code": name, "text_en": texts[name][0], "text_zh": texts[name][1]} for name in names]

    told = {
        "in_the_way": words(found.in_the_way, erasure.IN_THE_WAY),
        "kept": words(found.kept, erasure.KEPT),
        "keep_until": found.keep_until,
    }
    return Response(ErasingAnswer(told).data)


class EraseView(BorrowerView):
    @extend_schema(operation_id="me_erase", responses={200: ErasingAnswer, **problems()}, tags=["me"])
    def get(self, request: Request) -> Response:
        """What erasing your account would mean now: what stands in the way, and what the law makes us keep."""
        return _told(flow.erasing(user_id=self.user_id(), at=self.now()))

    @extend_schema(
        operation_id="me_erase_do",
        request=RightsCode,
        responses={200: ErasingAnswer, **problems(400, 404, 409, 415, 422)},
        tags=["me"],
    )
    def post(self, request: Request) -> Response:
        """Erase your account, with a code of purpose `erase`. It cannot be undone; every sign-in ends. 409 still_open
        names in `in_the_way` what has to end first.
        """
        asked = RightsCode(data=request.data)
        asked.is_valid(raise_exception=True)
        with transaction.atomic(durable=True):
            found = flow.erase(user_id=self.user_id(), code=asked.validated_data["code"], by=self.by(), at=self.now())
        return _told(found)


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
