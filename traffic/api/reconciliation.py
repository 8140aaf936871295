"""The file of a day, for a partner that reconciles."""

import csv
from dataclasses import astuple
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from traffic.api.base import PartnerView, problems
from traffic.queries import reconciliation


class OfDay(serializers.Serializer[Any]):
    day = serializers.DateField(help_text="A business day of the market, YYYY-MM-DD")


class ReconciliationView(PartnerView):
    operation = "reconciliation"

    @extend_schema(
        operation_id="reconciliation",
        parameters=[OfDay],
        responses={(200, "text/csv"): OpenApiTypes.STR, **problems(409, 422)},
        tags=["events"],
    )
    def get(self, request: Request) -> HttpResponse:
        """Every status that took its number in a day, in order, as a CSV file; final five minutes after midnight."""
        asked = OfDay(data=request.query_params)
        asked.is_valid(raise_exception=True)
        day = asked.validated_data["day"]
        lines = reconciliation.day_of(self.caller.channel_code, day, at=self.now())
        name = f"reconciliation-{self.caller.channel_code}-{day}.csv"
        answer = HttpResponse(
            content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )
        writer = csv.writer(answer)
        writer.writerow(reconciliation.HEAD)
        writer.writerows(astuple(line) for line in lines)
        return answer
