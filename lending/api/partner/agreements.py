"""What the borrower has to read and accept at each moment, and their accepting it in the channel's app."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from lending import overview
from lending.api import serializers as shapes
from lending.api.partner.base import PartnerView, problems
from traffic import queries as traffic
from traffic import services
from traffic.rules.flows import OF_THE_PHONE
from users.services.codes import CODE_GAP, CODE_TTL

MOMENTS = ("apply", "upload", "drawdown", "sign", "card_fix")
AT_MOST = 12


class Shown(serializers.Serializer[Any]):
    application_id = serializers.UUIDField()
    moment = serializers.ChoiceField(choices=MOMENTS)
    amount_cents = serializers.IntegerField(
        required=False, min_value=1, max_value=shapes.MAX_CENTS, help_text="At `drawdown`: the lenders depend on it"
    )
    months = serializers.IntegerField(required=False, min_value=1, max_value=360, help_text="At `drawdown`")


class AcceptedDocument(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=32)
    version = serializers.CharField(max_length=16)
    recipients = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, max_length=4, help_text="As shown, at `drawdown`"
    )
    otp = serializers.RegexField(
        r"^\d{6}$", required=False, help_text="The code that we sent the borrower, where `accepted_by` is `otp`"
    )


class Accepted(serializers.Serializer[Any]):
    application_id = serializers.UUIDField()
    documents = AcceptedDocument(many=True, allow_empty=False, max_length=AT_MOST)  # type: ignore[call-arg]  # of the list
    borrower_ip = serializers.IPAddressField(required=False, help_text="Where the borrower's device is; kept as proof")


class CodesSent(serializers.Serializer[Any]):
    """Send the same again with each document's code."""

    codes_sent = serializers.ListField(child=serializers.CharField(), help_text="Documents; one message for each")
    phone = serializers.CharField(help_text="Masked")
    expires_in = serializers.IntegerField(help_text="Seconds")
    retry_after = serializers.IntegerField(help_text="Seconds until another may be asked for")


class Recorded(serializers.Serializer[Any]):
    application_id = serializers.UUIDField()
    recorded = serializers.ListField(child=serializers.CharField())
    status = serializers.CharField(help_text="The application's word")


class AgreementsView(PartnerView):
    operation = "agreements"

    @extend_schema(
        operation_id="agreements",
        parameters=[Shown],
        responses={200: shapes.AgreementSerializer(many=True), **problems(404, 409, 422)},
        tags=["agreements"],
    )
    def get(self, request: Request) -> Response:
        """The documents of a moment, whole, in the order of showing. `given`: accepted for this application."""
        asked = Shown(data=request.query_params)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        application = traffic.ordered(self.channel, data["application_id"])
        about = {name: data[name] for name in ("amount_cents", "months") if name in data}
        if data["moment"] == "drawdown":
            about["grant_id"] = traffic.limit_of(application).public_id
        moments = ("register", "apply") if data["moment"] == "apply" else (data["moment"],)
        found = [
            document
            for moment in moments
            for document in overview.agreements(
                user_id=application.user_id,
                moment=moment,
                at=self.now(),
                context=traffic.consent_context(application.public_id),
                **about,
            )
            if document.code not in OF_THE_PHONE
        ]
        return Response(shapes.AgreementSerializer(found, many=True).data)

    @extend_schema(
        operation_id="agreements_give",
        request=Accepted,
        responses={201: Recorded, 202: CodesSent, **problems(400, 404, 409, 413, 415, 422)},
        tags=["agreements"],
    )
    def post(self, request: Request) -> Response:
        """The borrower accepts. Where a document needs a code and has none, we send it and record nothing (202); with
        every code, all is recorded (201). With the last that `apply` needs, the application is on its way.
        """
        asked = Accepted(data=request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        given = [
            services.Given(one["code"], one["version"], tuple(one.get("recipients", ())), one.get("otp", ""))
            for one in data["documents"]
        ]
        with transaction.atomic(durable=True):
            sent = services.give_agreements(
                channel_code=self.channel,
                public_id=data["application_id"],
                documents=given,
                ip=data.get("borrower_ip") or self.ip(),
                at=self.now(),
            )
        if sent:
            waits = {"expires_in": CODE_TTL.seconds, "retry_after": CODE_GAP.seconds}
            return Response({"codes_sent": sent.documents, "phone": sent.phone, **waits}, status=202)
        told = traffic.status_of(self.channel, data["application_id"])
        recorded = [one.code for one in given]
        answer = {"application_id": told.application_id, "recorded": recorded, "status": told.status}
        return Response(Recorded(answer).data, status=201)
