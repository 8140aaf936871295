"""What a page's own script asks: JSON in, JSON out, refusals as problems."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.admin.options import ModelAdmin
from django.http import HttpRequest, HttpResponse

from lending.common import problem
from lending.common.errors import DomainError, Forbidden
from risk.rules.document import Unreadable, loads

Door = Callable[..., HttpResponse]


def answering(method: str = "POST", permission: str = "") -> Callable[[Door], Door]:
    """A door that needs the right to view the row's kind, and `permission`."""

    def wrap(door: Door) -> Door:
        @wraps(door)
        def view(self: ModelAdmin, request: HttpRequest, pk: int) -> HttpResponse:
            try:
                if request.method != method:
                    raise problem.MethodNotAllowed(f"Only {method}.")
                if not self.has_view_permission(request) or (permission and not request.user.has_perm(permission)):
                    raise Forbidden()
                return door(self, request, pk)
            except DomainError as error:
                return problem.response(error)

        return view

    return wrap


def body_of(request: HttpRequest) -> dict[str, Any]:
    """Raises Malformed."""
    try:
        body = json_of(request.body.decode())
    except UnicodeDecodeError as error:
        raise problem.Malformed("The body is not UTF-8.") from error
    if not isinstance(body, dict):
        raise problem.Malformed("The body is a JSON object.")
    return body


def json_of(text: str) -> Any:
    """Raises Malformed."""
    try:
        return loads(text)
    except Unreadable as error:
        raise problem.Malformed(str(error)) from error


def revision_of(body: dict[str, Any]) -> int:
    revision = body.get("revision")
    if not isinstance(revision, int) or isinstance(revision, bool):
        raise problem.Malformed("`revision` is a number.")
    return revision


def object_of(body: dict[str, Any], name: str) -> dict[str, Any]:
    found = body.get(name)
    if not isinstance(found, dict):
        raise problem.Malformed(f"`{name}` is an object.")
    return found
