"""The signed-in borrower: details, checks, contacts, devices."""

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lending.common import clock
from lending.common.errors import NotFound
from users import queries
from users.api import serializers as shapes
from users.api.schema import address, caller, problems
from users.services import accounts, checks, collected, contacts, devices, face_reviews, profiles


def _me(user_id: int) -> Response:
    missing = queries.missing_details(user_id)
    return Response(shapes.Me({**vars(queries.person(user_id)), "missing": missing}).data)


class MeView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="me", summary="Who is signed in", responses={200: shapes.Me, **problems(401)}, tags=["me"]
    )
    def get(self, request: Request) -> Response:
        return _me(caller(request).pk)

    @extend_schema(
        operation_id="me_change",
        summary="Change the language of messages",
        request=shapes.MeChange,
        responses={200: shapes.Me, **problems(401, 422)},
        tags=["me"],
    )
    def patch(self, request: Request) -> Response:
        form = shapes.MeChange(data=request.data)
        form.is_valid(raise_exception=True)
        with transaction.atomic(durable=True):
            accounts.set_language(user_id=caller(request).pk, **form.validated_data)
        return _me(caller(request).pk)


class LevelView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="me_level",
        summary="Your level, what it gives, and what the next one needs",
        responses={200: shapes.StandingAnswer, **problems(401)},
        tags=["me"],
    )
    def get(self, request: Request) -> Response:
        return Response(shapes.StandingAnswer(queries.standing(caller(request).pk)).data)


class ProfileView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="me_profile",
        summary="What you told us",
        responses={200: shapes.ProfileAnswer, **problems(401)},
        tags=["me"],
    )
    def get(self, request: Request) -> Response:
        return Response(shapes.ProfileAnswer(queries.person(caller(request).pk)).data)

    @extend_schema(
        operation_id="me_profile_save",
        summary="Save details",
        description="Fields left out stay as they are. Name and ID number are fixed once they are confirmed.",
        request=shapes.ProfileChange,
        responses={200: shapes.ProfileAnswer, **problems(401, 409, 422)},
        tags=["me"],
    )
    def put(self, request: Request) -> Response:
        form = shapes.ProfileChange(data=request.data)
        form.is_valid(raise_exception=True)
        user = caller(request)
        with transaction.atomic(durable=True):
            profiles.save(user_id=user.pk, by=f"user:{user.pk}", at=clock.now(), **form.validated_data)
        return Response(shapes.ProfileAnswer(queries.person(user.pk)).data)


class ChecksView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="me_checks",
        summary="Your identity checks, newest first",
        responses={200: shapes.CheckAnswer(many=True), **problems(401)},
        tags=["me"],
    )
    def get(self, request: Request) -> Response:
        return Response(shapes.CheckAnswer(queries.checks(caller(request).pk), many=True).data)

    @extend_schema(
        operation_id="me_checks_request",
        summary="Have name and ID number checked",
        description="Answers at once; the result follows within seconds, read it with GET.",
        request=shapes.CheckOrder,
        responses={202: shapes.CheckAnswer, **problems(401, 409, 422, 429)},
        tags=["me"],
    )
    def post(self, request: Request) -> Response:
        form = shapes.CheckOrder(data=request.data)
        form.is_valid(raise_exception=True)
        user_id = caller(request).pk
        with transaction.atomic(durable=True):
            check_id = checks.request(user_id=user_id, at=clock.now(), **form.validated_data)
        return Response(shapes.CheckAnswer(queries.check(user_id, check_id)).data, status=202)


class FaceView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="me_face",
        summary="Have your face compared before taking money",
        description="Needs the consent `biometric` (moment `drawdown`). Answers at once; the result follows within "
        "seconds, read it with GET me/checks. It holds for 15 minutes, from level V3 on for 90 days.",
        request=shapes.FaceOrder,
        responses={202: shapes.CheckAnswer, **problems(401, 409, 422, 429)},
        tags=["me"],
    )
    def post(self, request: Request) -> Response:
        form = shapes.FaceOrder(data=request.data)
        form.is_valid(raise_exception=True)
        user_id, token = caller(request).pk, form.validated_data["liveness_token"]
        with transaction.atomic(durable=True):
            check_id = checks.request(user_id=user_id, kind="face", liveness=token, at=clock.now())
        return Response(shapes.CheckAnswer(queries.check(user_id, check_id)).data, status=202)


class FaceReviewView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="me_face_person",
        summary="How the comparison by a person stands",
        description="404 where you never asked for one.",
        responses={200: shapes.FaceReviewAnswer, **problems(401, 404)},
        tags=["me"],
    )
    def get(self, request: Request) -> Response:
        found = queries.face_review(caller(request).pk)
        if found is None:
            raise NotFound("No person was asked to look.")
        return Response(shapes.FaceReviewAnswer(found).data)

    @extend_schema(
        operation_id="me_face_person_ask",
        summary="Have a person compare your face instead",
        description="For whoever does not want the face check service, or where it gives no answer. Needs the front of "
        "the ID card and a photo of yourself holding it (`id_front`, `face_photo` of me/certificates). You are told by "
        "message; it holds for 24 hours, from level V3 on for 90 days.",
        request=None,
        responses={202: shapes.FaceReviewAnswer, **problems(401, 409, 429)},
        tags=["me"],
    )
    def post(self, request: Request) -> Response:
        user_id = caller(request).pk
        with transaction.atomic(durable=True):
            face_reviews.ask(user_id=user_id, at=clock.now())
        return Response(shapes.FaceReviewAnswer(queries.face_review(user_id)).data, status=202)


class ContactsView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="me_contacts",
        summary="The contacts you named",
        responses={200: shapes.ContactAnswer(many=True), **problems(401)},
        tags=["me"],
    )
    def get(self, request: Request) -> Response:
        return Response(shapes.ContactAnswer(queries.person(caller(request).pk).contacts, many=True).data)

    @extend_schema(
        operation_id="me_contacts_replace",
        summary="Name one to five contacts, instead of those before",
        request=shapes.NamedContact(many=True),
        responses={200: shapes.ContactAnswer(many=True), **problems(401, 422)},
        tags=["me"],
    )
    def put(self, request: Request) -> Response:
        form = shapes.NamedContact(data=request.data, many=True)
        form.is_valid(raise_exception=True)
        user_id = caller(request).pk
        named = [contacts.NewContact(**row) for row in form.validated_data]
        with transaction.atomic(durable=True):
            contacts.replace(user_id=user_id, contacts=named, at=clock.now())
        return Response(shapes.ContactAnswer(queries.person(user_id).contacts, many=True).data)


class DevicesView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="me_devices",
        summary="Devices seen with your account",
        responses={200: shapes.DeviceAnswer(many=True), **problems(401)},
        tags=["me"],
    )
    def get(self, request: Request) -> Response:
        return Response(shapes.DeviceAnswer(queries.devices(caller(request).pk), many=True).data)

    @extend_schema(
        operation_id="me_devices_see",
        summary="Tell us about this device",
        description="Needs the optional consent `device`; without it answers 409 consent_missing.",
        request=shapes.SeenDevice,
        responses={201: shapes.DeviceAnswer(many=True), **problems(401, 403, 409, 422)},
        tags=["me"],
    )
    def post(self, request: Request) -> Response:
        form = shapes.SeenDevice(data=request.data)
        form.is_valid(raise_exception=True)
        user_id = caller(request).pk
        with transaction.atomic(durable=True):
            devices.see(user_id=user_id, ip=address(request), at=clock.now(), **form.validated_data)
        return Response(shapes.DeviceAnswer(queries.devices(user_id), many=True).data, status=201)


class DeviceDataView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="me_device_data",
        summary="What your phone may send, and what was counted in it",
        responses={200: shapes.CollectionAnswer(many=True), **problems(401)},
        tags=["me"],
    )
    def get(self, request: Request) -> Response:
        return _collection(caller(request).pk)

    @extend_schema(
        operation_id="me_device_data_send",
        summary="Send device, messages, address book: counted on arrival, not kept",
        description="At most 1 MB and 5,000 lines a part. Each part needs the optional consent of its name (`device`, "
        "`sms`, `contacts`), to the version in force; without one nothing at all is taken and the answer is 409 "
        "consent_missing or consent_outdated. 403 not_collected_here: the market does not allow it. Nothing else "
        "depends on it.",
        request=shapes.DeviceData,
        responses={200: shapes.CollectionAnswer(many=True), **problems(401, 403, 409, 413, 422)},
        tags=["me"],
    )
    def post(self, request: Request) -> Response:
        form = shapes.DeviceData(data=request.data)
        form.is_valid(raise_exception=True)
        user_id = caller(request).pk
        with transaction.atomic(durable=True):
            collected.receive(user_id=user_id, ip=address(request), at=clock.now(), **form.validated_data)
        return _collection(user_id)


def _collection(user_id: int) -> Response:
    found = queries.collection(user_id, clock.now())
    return Response(shapes.CollectionAnswer(found.values(), many=True).data)
