"""The two doors that `bench_partner` measures, as one would write them first: Django REST framework, its token
authentication, serializers and models. `bench_drf_wsgi` serves them.

Nobody signs; no nonce, limit or journal of calls is kept. BENCH_FACTS: the statement that all look people up by.
"""

import os
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.urls import path
from rest_framework import serializers
from rest_framework.authentication import TokenAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lending.common import clock
from lending.common.crypto import blind_index
from lending.models import Application, Event, Product
from lending.models.application import OPEN_STATUSES
from users.models import Contact, Profile, User

Channel, ChannelOrder, Precheck, Touch = (
    apps.get_model("traffic", name) for name in ("Channel", "ChannelOrder", "Precheck", "Touch")
)
CHANNEL = "LOANHUB"


class View(APIView):
    authentication_classes = (TokenAuthentication,)
    throttle_classes = ()


class Asked(serializers.Serializer[Any]):
    phone_hash = serializers.RegexField(r"^[0-9a-f]{64}$")


class PrecheckView(View):
    def post(self, request: Request) -> Response:
        asked = Asked(data=request.data)
        asked.is_valid(raise_exception=True)
        digest, at = asked.validated_data["phone_hash"], clock.now()
        with transaction.atomic():
            channel = Channel.objects.get(pk=CHANNEL)
            with connection.cursor() as cursor:
                said = {"channel": CHANNEL, "asked": digest, "products": channel.products, "at": at}
                cursor.execute(os.environ["BENCH_FACTS"], said)
                found, barred, has_open, reapply_at, is_customer = cursor.fetchone()
            answer = "eligible"
            if found and barred:
                answer = "not_eligible"
            elif has_open:
                answer = "open_application"
            elif reapply_at:
                answer = "cooling_off"
            elif is_customer:
                answer = "existing_customer"
            Precheck.objects.create(channel=channel, digest=digest, answer=answer, hit=bool(found), at=at)
        return Response({"answer": answer, "until": reapply_at})


class Person(serializers.Serializer[Any]):
    relation = serializers.ChoiceField(choices=["spouse", "parent", "child", "friend", "colleague"])
    name = serializers.CharField(max_length=50)
    phone = serializers.CharField(max_length=20)


class Brought(serializers.Serializer[Any]):
    order_id = serializers.CharField(max_length=64)
    phone = serializers.RegexField(r"^1\d{10}$")
    product = serializers.SlugRelatedField(slug_field="code", queryset=Product.objects.all())
    amount_cents = serializers.IntegerField(min_value=1)
    months = serializers.IntegerField(min_value=1)
    name = serializers.CharField(max_length=50)
    id_number = serializers.CharField(max_length=18)
    province = serializers.CharField(max_length=10)
    employment = serializers.CharField(max_length=20)
    net_income_cents = serializers.IntegerField(min_value=0)
    contacts = Person(many=True)


class IntakeView(View):
    def post(self, request: Request) -> Response:
        asked = Brought(data=request.data)
        asked.is_valid(raise_exception=True)
        with transaction.atomic():
            order, is_new = _brought(asked.validated_data)
        told = {"application_id": order.application.public_id, "order_id": order.external_id, "status": "RECEIVED"}
        return Response(told, status=201 if is_new else 200)


def _brought(said: dict[str, Any]) -> tuple[Any, bool]:
    at = clock.now()
    user, _ = User.objects.get_or_create(
        phone_index=blind_index(said["phone"], "phone"),
        defaults={"kind": "borrower", "phone": said["phone"], "password": "!", "created_at": at},
    )
    details = {name: said[name] for name in ("name", "id_number", "province", "employment", "net_income_cents")}
    details |= {"id_index": blind_index(said["id_number"], "id_number"), "updated_at": at, "updated_by": CHANNEL}
    Profile.objects.get_or_create(user=user, defaults=details)
    asked = {"asked_cents": said["amount_cents"], "asked_months": said["months"], "created_at": at}
    asked |= {"product": said["product"], "channel_code": CHANNEL, "method": "equal_instalment", "purpose": "consumer"}
    application, is_new = Application.objects.filter(status__in=OPEN_STATUSES).get_or_create(
        user=user, product_family=said["product"].family, defaults=asked
    )
    order, _ = ChannelOrder.objects.get_or_create(
        channel_id=CHANNEL,
        external_id=said["order_id"],
        defaults={"application": application, "request_sha256": "", "details_taken": is_new, "received_at": at},
    )
    if is_new:
        for place, one in enumerate(said["contacts"], start=1):
            index = blind_index(one["phone"], "phone")
            Contact.objects.create(user=user, position=place, phone_index=index, created_at=at, **one)
        Touch.objects.create(user=user, channel_id=CHANNEL, kind="intake", at=at)
        Event.objects.create(  # the outbox
            subject="application",
            application=application,
            target="DRAFT",
            actor=f"channel:{CHANNEL}",
            occurred_at=at,
        )
    return order, is_new


urlpatterns = [path("precheck", PrecheckView.as_view()), path("applications", IntakeView.as_view())]
