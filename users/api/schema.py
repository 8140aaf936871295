"""How errors and the caller look in users' API."""

from typing import Any, cast

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.request import Request

from users.models import User

# The component that lending's doors define: one shape of error for the whole API.
PROBLEM = {"$ref": "#/components/schemas/Problem"}
MEANINGS = {
    400: "The body could not be read",
    401: "Not signed in",
    403: "Not allowed",
    404: "No such thing, or not yours",
    409: "The present state does not allow it",
    413: "The body is too large",
    415: "Unsupported media type",
    422: "Not valid",
    429: "Too many requests; see Retry-After",
    503: "Not available at the moment",
}


def problems(*statuses: int) -> dict[Any, OpenApiResponse]:
    """The `responses` entries for these statuses."""
    return {
        (status, "application/problem+json"): OpenApiResponse(PROBLEM, description=MEANINGS[status])
        for status in statuses
    }


def caller(request: Request) -> User:
    """The borrower behind the token."""
    return cast(User, request.user)


DEVICE_ID = OpenApiParameter(
    "Device-Id",
    str,
    OpenApiParameter.HEADER,
    description="What tells this installation of the app from others, for example a UUID made at its first start. "
    "Wrong codes and codes asked for are limited by it too.",
)


def device(request: Request) -> str:
    """What the app says that it runs on; "" where it does not."""
    return str(request.headers.get("Device-Id", ""))


def address(request: Request) -> str:
    """The caller's IP address; a trusted proxy's header is already unwrapped by the middleware."""
    return str(request.META["REMOTE_ADDR"])
