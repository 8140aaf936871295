"""What every partner door shares: the signature, the journal of calls, and how errors are told.

Who the caller is, says a `Gate`: each app that has such doors names it.
"""

import time
from datetime import datetime
from io import BytesIO
from typing import Any, ClassVar, Protocol, cast

from django.db import transaction
from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lending.common import clock, signed

MEANINGS = {
    400: "The body could not be read",
    401: "Not signed as agreed: signature_missing, timestamp_outside_window, unknown_app, signature_mismatch or "
    "nonce_used",
    403: "Not from this address (address_not_allowed), or not part of what was agreed (not_in_your_flow)",
    404: "No such thing, or not yours",
    409: "The present state does not allow it, or the id is in use",
    413: "The body is too large",
    415: "Unsupported media type",
    422: "Not valid; `fields` says which and why",
    429: "Too many requests; see Retry-After",
}


class Problem(serializers.Serializer[Any]):
    """RFC 9457, with a stable `code`."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    fields = serializers.DictField(child=serializers.CharField(), required=False)  # type: ignore[assignment]


def problems(*codes: int) -> dict[tuple[int, str], OpenApiResponse]:
    """The documented errors of a view; 401, 403 and 429 are always among them."""
    return {
        (code, "application/problem+json"): OpenApiResponse(Problem, MEANINGS[code])
        for code in sorted({401, 403, 429, *codes})
    }


class Caller(Protocol):
    """The channel that signed; `by` as an actor."""

    @property
    def channel_code(self) -> str: ...

    @property
    def call_id(self) -> int: ...

    @property
    def by(self) -> str: ...


class Gate(Protocol):
    """Lets a signed request in, once, and keeps how it ended: `traffic.services`."""

    def admit(self, *, request: signed.Signed, address: str, operation: str, now: float, at: datetime) -> Any: ...

    def answered(self, *, call_id: int, status: int, code: str, ms: int, verdict: str = "") -> None: ...


class SignedAuthentication(BaseAuthentication):
    """`request.user` is the channel that signed."""

    def authenticate(self, request: Request) -> tuple[Any, None]:
        view = request.parser_context["view"]
        return admit(view.gate, request._request, view.operation_of(request.method)), None

    def authenticate_header(self, request: Request) -> str:
        return signed.SignatureMissing.scheme


class SignedScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the document shows it: four headers, all needed."""

    target_class = "lending.common.partner.SignedAuthentication"
    name = list(signed.SHAPES)

    def get_security_definition(self, auto_schema: object) -> list[dict[str, str]]:
        said = {
            "X-App-Id": "Your app id",
            "X-Timestamp": "Unix seconds, within five minutes of our clock",
            "X-Nonce": "16 to 64 letters, digits, - or _; never used before",
            "X-Signature": "Hex HMAC-SHA256 over method, path, sorted query, timestamp, nonce and body hash",
        }
        return [{"type": "apiKey", "in": "header", "name": name, "description": said[name]} for name in signed.SHAPES]


def read(request: HttpRequest) -> signed.Signed:
    """The whole body belongs to what is signed, files too; its length was limited before. Raises SignatureMissing."""
    if "_body" not in vars(request):  # `request.body` refuses a large one, whatever the limit for files is
        vars(request)["_body"] = request.read()
        vars(request)["_stream"] = BytesIO(request.body)
    return signed.read(
        headers=request.headers,
        method=request.method or "",
        path=request.path,
        query=request.META.get("QUERY_STRING", ""),
        body=request.body,
    )


def admit(gate: Gate, request: HttpRequest, operation: str) -> Caller:
    """Raises what the gate's `admit` raises, and SignatureMissing."""
    with transaction.atomic(durable=True):
        admitted: Caller = gate.admit(
            request=read(request),
            address=str(request.META.get("REMOTE_ADDR", "")),
            operation=operation,
            now=time.time(),
            at=clock.now(),
        )
    return admitted


def _verdict(body: Any) -> str:
    """The word of an answer about one thing."""
    return str(body.get("status", "")) if isinstance(body, dict) else ""


class SignedView(APIView):
    """A door for a channel. `operation`: its name among traffic.rules.flows.OPERATIONS."""

    gate: ClassVar[Gate]
    operation: ClassVar[str]
    authentication_classes = (SignedAuthentication,)
    throttle_classes = ()

    def operation_of(self, method: str) -> str:
        return self.operation

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Also keeps how the call ended."""
        started, status, code, body = time.perf_counter(), 500, "error", None
        try:
            response = super().dispatch(request, *args, **kwargs)
            body = response.data if isinstance(response, Response) else None
            status, code = response.status_code, str(body.get("code", "")) if isinstance(body, dict) else ""
            return response
        finally:
            caller = getattr(self.request, "_user", None)
            if caller is not None and hasattr(caller, "call_id"):
                ms = round((time.perf_counter() - started) * 1000)
                refused = status >= 400
                self.gate.answered(
                    call_id=caller.call_id,
                    status=status,
                    code=code if refused else "",
                    verdict="" if refused else _verdict(body),
                    ms=ms,
                )

    @property
    def caller(self) -> Caller:
        return cast(Caller, self.request.user)

    def now(self) -> datetime:
        return clock.now()
