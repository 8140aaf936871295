"""The borrower's authorisation at the phone operator."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from lending.common import clock
from traffic import queries, services
from traffic.api.base import PartnerView, problems
from users import queries as users
from users.models import OperatorEnd, OperatorState


class OfApplication(serializers.Serializer[Any]):
    application_id = serializers.UUIDField()


class OperatorCode(OfApplication):
    code = serializers.RegexField(r"^[0-9]{4,8}$", help_text="From the operator's message to the borrower")


class Operator(serializers.Serializer[Any]):
    """`code_sent`: the operator has texted the borrower a code; `redirected`: open `page` in the borrower's browser."""

    state = serializers.ChoiceField(("none", *OperatorState.values))
    why = serializers.ChoiceField(("", *OperatorEnd.values), help_text="Why it is over, or what went wrong last")
    is_checking = serializers.BooleanField(help_text="The operator is being asked: look again in a second")
    is_wanted = serializers.BooleanField(help_text="It may be begun and none is live")
    tries_left = serializers.IntegerField(help_text="Codes that may still be typed")
    page = serializers.CharField(allow_blank=True)
    valid_until = serializers.DateTimeField(allow_null=True)


def standing(channel_code: str, application_id: Any, *, status: int = 200) -> Response:
    user_id = queries.ordered(channel_code, application_id).user_id
    return Response(Operator(users.operator(user_id, clock.now())).data, status=status)


class OperatorView(PartnerView):
    operation = "agreements"

    @extend_schema(
        operation_id="operator",
        parameters=[OfApplication],
        responses={200: Operator, **problems(404, 422)},
        tags=["operator"],
    )
    def get(self, request: Request) -> Response:
        """How it stands. It begins by itself when the borrower accepts `operator`, and the application waits for it."""
        asked = OfApplication(data=request.query_params)
        asked.is_valid(raise_exception=True)
        return standing(self.caller.channel_code, asked.validated_data["application_id"])

    @extend_schema(
        operation_id="operator_begin",
        request=OfApplication,
        responses={202: Operator, **problems(400, 404, 409, 413, 415, 422)},
        tags=["operator"],
    )
    def post(self, request: Request) -> Response:
        """Begin again, where it did not work."""
        asked = OfApplication(data=request.data)
        asked.is_valid(raise_exception=True)
        code, application_id = self.caller.channel_code, asked.validated_data["application_id"]
        with transaction.atomic(durable=True):
            services.begin_operator(channel_code=code, public_id=application_id, at=self.now())
        return standing(code, application_id, status=202)


class OperatorCodeView(PartnerView):
    operation = "agreements"

    @extend_schema(
        operation_id="operator_code",
        request=OperatorCode,
        responses={202: Operator, **problems(400, 404, 409, 413, 415, 422)},
        tags=["operator"],
    )
    def post(self, request: Request) -> Response:
        """Hand over the operator's code; it looks at it within seconds. A wrong one leaves `code_sent`."""
        asked = OperatorCode(data=request.data)
        asked.is_valid(raise_exception=True)
        channel, data = self.caller.channel_code, asked.validated_data
        with transaction.atomic(durable=True):
            services.confirm_operator(
                channel_code=channel, public_id=data["application_id"], code=data["code"], at=self.now()
            )
        return standing(channel, data["application_id"], status=202)
