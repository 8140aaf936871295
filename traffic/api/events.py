"""The stream of what became of a channel's borrowers."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from traffic import queries, services
from traffic.api.base import PartnerView, problems

MAX_SEQ = 2**63 - 1


class After(serializers.Serializer[Any]):
    after = serializers.IntegerField(min_value=0, max_value=MAX_SEQ, default=0, help_text="The last `seq` you have")
    limit = serializers.IntegerField(min_value=1, max_value=500, default=100)


class StatusEvent(serializers.Serializer[Any]):
    """The same object as the callback carries. What belongs to a word stands beside it."""

    seq = serializers.IntegerField(help_text="1, 2, 3 … of your channel, without a gap")
    event_id = serializers.CharField()
    application_id = serializers.UUIDField()
    order_id = serializers.CharField(required=False, help_text="Yours, where you brought the application")
    status = serializers.CharField(help_text="A word of the status dictionary")
    occurred_at = serializers.DateTimeField()
    drawdown_id = serializers.UUIDField(required=False)
    loan_id = serializers.UUIDField(required=False)
    amount_cents = serializers.IntegerField(required=False, help_text="Of the drawdown")
    currency = serializers.CharField(required=False)
    limit_cents = serializers.IntegerField(required=False, help_text="With GRANTED")
    annual_rate = serializers.CharField(required=False, help_text="With GRANTED; a fraction a year")
    valid_until = serializers.DateTimeField(required=False, help_text="With GRANTED")
    reason_classes = serializers.ListField(child=serializers.CharField(), required=False, help_text="With DECLINED")
    reapply_at = serializers.DateTimeField(required=False, allow_null=True, help_text="With DECLINED")


class EventPage(serializers.Serializer[Any]):
    events = StatusEvent(many=True)
    last_seq = serializers.IntegerField(help_text="Send it as `after` to go on")
    has_more = serializers.BooleanField()


class Resend(serializers.Serializer[Any]):
    from_seq = serializers.IntegerField(min_value=1, max_value=MAX_SEQ)
    to_seq = serializers.IntegerField(min_value=1, max_value=MAX_SEQ, help_text="At most 200 at once")


class Resent(serializers.Serializer[Any]):
    resent = serializers.IntegerField()
    on_their_way = serializers.IntegerField(help_text="Were not sent yet, or are being tried again")


class SecretAsked(serializers.Serializer[Any]):
    at_once = serializers.BooleanField(default=False, help_text="The former is of no use any more: it leaked")


class Secret(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="Shown once")
    takes_over_at = serializers.DateTimeField(help_text="Until then both sign, the new one in X-Signature-Next")


class EventsView(PartnerView):
    operation = "events"

    @extend_schema(
        operation_id="events", parameters=[After], responses={200: EventPage, **problems(422)}, tags=["events"]
    )
    def get(self, request: Request) -> Response:
        """What happened after a number, in order, without a gap; also what your receiver has not taken."""
        asked = After(data=request.query_params)
        asked.is_valid(raise_exception=True)
        page = queries.events_after(
            self.caller.channel_code, asked.validated_data["after"], limit=asked.validated_data["limit"]
        )
        return Response({"events": page.events, "last_seq": page.last_seq, "has_more": page.has_more})


class ResendView(PartnerView):
    operation = "resend"

    @extend_schema(
        operation_id="events_resend",
        request=Resend,
        responses={202: Resent, **problems(400, 409, 413, 415, 422)},
        tags=["events"],
    )
    def post(self, request: Request) -> Response:
        """Send your receiver again what happened from one number to another. Past 24 hours each is tried once."""
        asked = Resend(data=request.data)
        asked.is_valid(raise_exception=True)
        data, code = asked.validated_data, self.caller.channel_code
        with transaction.atomic(durable=True):
            found = services.resend_own(channel_code=code, first=data["from_seq"], last=data["to_seq"], at=self.now())
        return Response(Resent(found).data, status=202)


class CallbackSecretView(PartnerView):
    operation = "callback_secret"

    @extend_schema(
        operation_id="callback_secret",
        request=SecretAsked,
        responses={201: Secret, **problems(400, 409, 413, 415, 422)},
        tags=["events"],
    )
    def post(self, request: Request) -> Response:
        """A new secret for our calls to your receiver. For 14 days we sign with both; asked again, the new one is
        replaced.
        """
        asked = SecretAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        code = self.caller.channel_code
        with transaction.atomic(durable=True):
            made = services.rotate_callback_secret(channel_code=code, at=self.now(), **asked.validated_data)
        return Response(Secret(made).data, status=201)
