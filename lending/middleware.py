"""What surrounds every request: its id in every log line, limits, headers, the second factor, and figures."""

import logging
import re
import time
import uuid
from collections.abc import Callable
from datetime import UTC
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import resolve, reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from prometheus_client import Counter, Histogram

from lending.common import logs, problem

logger = logging.getLogger("lending.request")

REQUESTS = Counter("http_requests_total", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram("http_request_seconds", "Time to answer", ["method", "route"])
REQUEST_ID = re.compile(r"[\w-]{8,64}")
QUIET = ("/healthz", "/readyz", "/metrics", "/static/")

STRICT_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
# The back office's Alpine.js evaluates expressions in attributes.
ADMIN_POLICY = STRICT_POLICY + "; script-src 'self' 'unsafe-inline' 'unsafe-eval'"

Answer = Callable[[HttpRequest], HttpResponseBase]


class ApiInUtc:
    """Times in JSON are UTC, whatever the market's zone; pages show the market's."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith(("/api/", "/partner/")):
            return self.get_response(request)
        with timezone.override(UTC):
            return self.get_response(request)


class RequestContext:
    """Gives the request an id, logs one line for it and counts it. No body, no query: they carry personal data."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        sent = request.headers.get("X-Request-ID", "")
        request_id = sent if REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex
        if settings.TRUSTED_PROXY and "X-Forwarded-For" in request.headers:
            request.META["REMOTE_ADDR"] = request.headers["X-Forwarded-For"].rsplit(",", 1)[-1].strip()
        with logs.bound(request_id=request_id):
            response = self.get_response(request)
            response["X-Request-ID"] = request_id
            self._record(request, response, time.perf_counter() - started)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]) -> None:
        """The ids in the address are the subject: every line logged from here on carries them."""
        logs.context.set({**logs.context.get(), **{name: str(value) for name, value in kwargs.items()}})

    def _record(self, request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
        method = request.method or ""
        route = request.resolver_match.route if request.resolver_match else "none"
        REQUESTS.labels(method, route, str(response.status_code)).inc()
        SECONDS.labels(method, route).observe(seconds)
        if not request.path.startswith(QUIET):
            facts = {"method": method, "route": route, "status": response.status_code, "ms": round(seconds * 1000, 1)}
            logger.info("answered", extra=facts | {"user_id": _user_id(request)})


def _user_id(request: HttpRequest) -> int | None:
    """Who asked, without causing a query: only what authentication has already loaded."""
    user = getattr(request, "user", None)
    if isinstance(user, SimpleLazyObject):
        user = getattr(request, "_cached_user", None)
    return getattr(user, "pk", None)


class SecurityHeaders:
    """What Django does not set itself."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        policy = ADMIN_POLICY if request.path.startswith("/admin/") else STRICT_POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", "geolocation=(), microphone=(), payment=(), usb=()")
        if request.path.startswith(("/api/v1/", "/callbacks/", "/partner/v1/")):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class BodyLimit:
    """Refuses a body by its announced length before anything reads it (DRF's parsers have no limit of their own)."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        has_files = request.content_type == "multipart/form-data"
        large = settings.MAX_STAFF_UPLOAD_SIZE if request.path.startswith("/admin/") else settings.MAX_UPLOAD_SIZE
        limit = large if has_files else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdigit() and int(length) > limit:
            return problem.too_large(request, limit=limit)
        return self.get_response(request)


class Lean:
    """Calls that are many go past what serves people: no session, language, cookie, message or account."""

    PATHS = frozenset({"/partner/v1/precheck"})

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info not in self.PATHS:
            return self.get_response(request)
        found = _resolved(request.path_info)
        request.resolver_match = found
        response: HttpResponse = found.func(request)
        response.headers["Content-Length"] = str(len(response.content))
        return response


_resolved = cache(resolve)


class StaffSecondFactor:
    """Nobody is in the back office on a password alone, however the session came about."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.STAFF_SECOND_FACTOR and request.path.startswith(reverse("admin:index")):
            user: Any = request.user
            if user.is_authenticated and not user.is_verified():
                logout(request)
                return redirect_to_login(request.get_full_path(), reverse("admin:login"))
        return self.get_response(request)
