"""Every error an API answers with is `application/problem+json` with a stable `code` (RFC 9457)."""

import logging
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext
from django.views.defaults import page_not_found
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from lending.common import errors

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


def body(error: errors.DomainError) -> dict[str, Any]:
    return {
        "type": f"/errors/{error.code}",
        "title": error.title,
        "status": error.status,
        "code": error.code,
        "detail": _writable(error.detail),
        **{key: _writable(value) for key, value in error.data.items() if key != "status"},
    }


def _writable(value: Any) -> Any:
    """Errors quote what was sent, and half of a surrogate pair cannot be written as UTF-8."""
    match value:
        case str():
            return value.encode(errors="replace").decode()
        case dict():
            return {_writable(key): _writable(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_writable(inner) for inner in value]
    return value


def _headers(error: errors.DomainError) -> dict[str, str]:
    if isinstance(error, errors.TooManyRequests):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, errors.Unauthenticated):
        return {"WWW-Authenticate": error.scheme}
    return {}


def response(error: errors.DomainError) -> JsonResponse:
    """For plain Django views (callbacks, health)."""
    answer = JsonResponse(body(error), status=error.status, content_type=CONTENT_TYPE)
    for name, value in _headers(error).items():
        answer[name] = value
    return answer


def _fields(detail: Any, prefix: str = "") -> dict[str, str]:
    """DRF's nested error detail as {dotted.field: first message}."""
    if isinstance(detail, dict):
        found: dict[str, str] = {}
        for name, inner in detail.items():
            found |= _fields(inner, f"{prefix}.{name}" if prefix else str(name))
        return found
    if isinstance(detail, list):
        if detail and isinstance(detail[0], dict):
            return {k: v for i, inner in enumerate(detail) for k, v in _fields(inner, f"{prefix}.{i}").items()}
        return {prefix: str(detail[0])} if detail else {}
    return {prefix: str(detail)}


class MethodNotAllowed(errors.DomainError):
    status, code, title = 405, "method_not_allowed", "Method not allowed"


class NotAcceptable(errors.DomainError):
    status, code, title = 406, "not_acceptable", "Not acceptable"


class UnsupportedMediaType(errors.DomainError):
    status, code, title = 415, "unsupported_media_type", "Unsupported media type"


class Malformed(errors.DomainError):
    status, code, title = 400, "malformed", "The body could not be read"


class TooLarge(errors.DomainError):
    status, code, title = 413, "too_large", "This is too large to send"


def as_domain_error(exc: Exception) -> errors.DomainError | None:
    """Our error for what DRF or Django raised; None where it is a bug."""
    match exc:
        case errors.DomainError():
            return exc
        case Http404() | ObjectDoesNotExist():
            return errors.NotFound()
        case exceptions.ValidationError():
            return errors.Invalid("Some fields are not valid.", fields=_fields(exc.detail))
        case exceptions.Throttled():
            return errors.TooManyRequests(retry_after=int(getattr(exc, "wait", None) or 60))
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return errors.Unauthenticated(str(exc.detail))
        case exceptions.PermissionDenied():
            return errors.Forbidden(str(exc.detail))
        case exceptions.MethodNotAllowed():
            return MethodNotAllowed(str(exc.detail))
        case exceptions.NotAcceptable():
            return NotAcceptable(str(exc.detail))
        case exceptions.UnsupportedMediaType():
            return UnsupportedMediaType(str(exc.detail))
        case exceptions.ParseError():
            return Malformed(str(exc.detail))
        case SuspiciousOperation():  # more parts or files than a body may have
            return Malformed("The body has too many parts.")
    return None


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER."""
    error = as_domain_error(exc)
    if error is None:
        return None
    set_rollback()
    return Response(body(error), status=error.status, headers=_headers(error), content_type=CONTENT_TYPE)


def is_program(request: HttpRequest) -> bool:
    """Whether a program asks: it gets a problem, people a page."""
    return request.path.startswith(("/api/", "/callbacks/", "/partner/v1/"))


def too_large(request: HttpRequest, *, limit: int) -> HttpResponse:
    """Before any other middleware has run, so the reader's language is looked up here. limit: bytes."""
    if is_program(request) or request.content_type not in FORMS:
        return response(TooLarge(limit_bytes=limit))
    with translation.override(translation.get_language_from_request(request)):
        told = {"title": gettext(TooLarge.title), "limit_mb": limit // 1024**2, "back": request.path}
        return render(request, "problem.html", told, status=TooLarge.status)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler404: a problem for programs, a page for people."""
    if is_program(request):
        return response(errors.NotFound("There is nothing at this address."))
    return page_not_found(request, exception or Http404())
