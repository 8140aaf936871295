"""Signing in: a code by message, then tokens."""

from typing import cast

from django.db import transaction
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lending.common import clock
from lending.common.throttle import ByScope
from users.api import serializers as shapes
from users.api.schema import DEVICE_ID, address, device, problems
from users.models import Token
from users.services import auth, wechat
from users.services.codes import CODE_GAP, CODE_TTL


def _tokens(pair: auth.TokenPair) -> Response:
    return Response(shapes.TokenAnswer({"token_type": "Bearer", **vars(pair)}).data)


class OtpView(APIView):
    """A six-digit code by text message."""

    permission_classes = (AllowAny,)
    throttle_classes = (ByScope,)
    throttle_scope = "otp"

    @extend_schema(
        operation_id="auth_otp",
        summary="Send a one-time code",
        description="To sign in: phone and accept_notice. Signed in, for a consent, a bank card or a contract set: "
        "purpose and subject; the code then goes to the phone on record. Five minutes, five tries, one a minute, "
        "ten a day; thirty a day from one device.",
        parameters=[DEVICE_ID],
        request=shapes.OneTimeCode,
        responses={202: shapes.CodeSent, **problems(401, 404, 409, 422, 429)},
        tags=["auth"],
    )
    def post(self, request: Request) -> Response:
        form = shapes.OneTimeCode(data=request.data)
        form.is_valid(raise_exception=True)
        asked = dict(form.validated_data)
        with transaction.atomic(durable=True):
            auth.send_code(
                user_id=request.user.pk if request.auth else None,
                notice_accepted=asked.pop("accept_notice"),
                ip=address(request),
                device=device(request),
                at=clock.now(),
                **asked,
            )
        return Response({"expires_in": CODE_TTL.seconds, "retry_after": CODE_GAP.seconds}, status=202)


class TokenView(APIView):
    """The code against tokens; the account is made where the phone is new."""

    permission_classes = (AllowAny,)
    authentication_classes = ()
    throttle_classes = (ByScope,)
    throttle_scope = "token"

    @extend_schema(
        operation_id="auth_token",
        summary="Sign in with the code",
        description="Five tries for a code, twenty wrong ones a day for a phone and an hour for a device.",
        parameters=[DEVICE_ID],
        request=shapes.SignIn,
        responses={200: shapes.TokenAnswer, **problems(403, 409, 422, 429, 503)},
        auth=[],
        tags=["auth"],
    )
    def post(self, request: Request) -> Response:
        form = shapes.SignIn(data=request.data)
        form.is_valid(raise_exception=True)
        with transaction.atomic(durable=True):
            pair = auth.exchange(ip=address(request), device=device(request), at=clock.now(), **form.validated_data)
        return _tokens(pair)


class WechatView(APIView):
    """A code of WeChat against tokens, or a ticket where the WeChat account has no phone yet."""

    permission_classes = (AllowAny,)
    authentication_classes = ()
    throttle_classes = (ByScope,)
    throttle_scope = "token"

    @extend_schema(
        operation_id="auth_wechat",
        summary="Sign in with WeChat",
        description="A code works once. 200: the WeChat account is bound, here are tokens. 202: it is not; ask for a "
        "one-time code and send the ticket along to auth/token within ten minutes. Where the agreements have changed "
        "since the last sign-in, answers agreements_not_accepted: send their versions with a new code.",
        request=shapes.WechatCode,
        responses={
            200: shapes.TokenAnswer,
            202: shapes.WechatTicketAnswer,
            **problems(400, 403, 415, 422, 429, 503),
        },
        auth=[],
        tags=["auth"],
    )
    def post(self, request: Request) -> Response:
        form = shapes.WechatCode(data=request.data)
        form.is_valid(raise_exception=True)
        found = wechat.run_exchange(ip=address(request), at=clock.now(), **form.validated_data)
        if isinstance(found, auth.TokenPair):
            return _tokens(found)
        return Response(shapes.WechatTicketAnswer(found).data, status=202)


class RefreshView(APIView):
    """A refresh token is exchanged once; a second time ends the whole sign-in."""

    permission_classes = (AllowAny,)
    authentication_classes = ()
    throttle_classes = (ByScope,)
    throttle_scope = "token"

    @extend_schema(
        operation_id="auth_refresh",
        summary="New tokens for the refresh token",
        request=shapes.Refresh,
        responses={200: shapes.TokenAnswer, **problems(401, 422, 429)},
        auth=[],
        tags=["auth"],
    )
    def post(self, request: Request) -> Response:
        form = shapes.Refresh(data=request.data)
        form.is_valid(raise_exception=True)
        with transaction.atomic(durable=True):
            pair = auth.refresh(at=clock.now(), **form.validated_data)
        if pair is None:  # the revocation is committed before the refusal is told
            raise auth.RefreshRefused()
        return _tokens(pair)


class SignOutView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="auth_sign_out",
        summary="End this sign-in",
        request=None,
        responses={204: OpenApiResponse(description="All its tokens are revoked"), **problems(401)},
        tags=["auth"],
    )
    def post(self, request: Request) -> Response:
        token = cast(Token, request.auth)
        with transaction.atomic(durable=True):
            auth.sign_out(family=token.family, at=clock.now())
        return Response(status=204)
