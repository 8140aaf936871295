"""What a partner was paid for a month, line by line."""

import csv
from dataclasses import astuple
from datetime import date
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from traffic.api.base import PartnerView, problems
from traffic.queries import settlement


class OfMonth(serializers.Serializer[Any]):
    month = serializers.RegexField(r"^20\d\d-(0[1-9]|1[0-2])$", help_text="YYYY-MM")


class StatementView(PartnerView):
    operation = "statement"

    @extend_schema(
        operation_id="statement",
        parameters=[OfMonth],
        responses={(200, "text/csv"): OpenApiTypes.STR, **problems(404, 422)},
        tags=["events"],
    )
    def get(self, request: Request) -> HttpResponse:
        """Your approved statement of a month, as a CSV file: its lines do not change any more."""
        asked = OfMonth(data=request.query_params)
        asked.is_valid(raise_exception=True)
        month = asked.validated_data["month"]
        lines = settlement.approved(self.caller.channel_code, date.fromisoformat(f"{month}-01"))
        name = f"statement-{self.caller.channel_code}-{month}.csv"
        answer = HttpResponse(
            content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )
        writer = csv.writer(answer)
        writer.writerow(settlement.HEAD)
        writer.writerows(astuple(line) for line in lines)
        return answer
