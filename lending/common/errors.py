"""The few roots every named error grows from. Pure: no Django, so rules may raise them too.

A leaf lives in the module that raises it and sets only `code` (stable, snake_case, part of the API) and `title`.
One handler renders a DomainError as `application/problem+json`; anything else that escapes is a bug (500).
"""

from typing import Any, ClassVar


class DomainError(Exception):
    """A fact the caller must be told. `detail` is one sentence; `data` are JSON-able fields beside it."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str = "", **data: Any) -> None:
        self.detail = detail or self.title
        self.data = data
        super().__init__(self.detail)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.detail, self.data)  # keywords survive pickling between processes


def _rebuild(cls: type[DomainError], detail: str, data: dict[str, Any]) -> DomainError:
    return cls(detail, **data)


class Unauthenticated(DomainError):
    status, code, title = 401, "unauthenticated", "Sign in first"
    scheme: ClassVar[str] = "Bearer"  # of the WWW-Authenticate header


class Forbidden(DomainError):
    status, code, title = 403, "forbidden", "Not allowed"


class NotFound(DomainError):
    """Also what a stranger is told about a row that exists but is not theirs."""

    status, code, title = 404, "not_found", "Not found"


class Conflict(DomainError):
    status, code, title = 409, "conflict", "The present state does not allow this"


class Invalid(DomainError):
    """What was sent cannot be accepted. Optional data `fields`: {name: message}."""

    status, code, title = 422, "invalid", "Not valid"

    @property
    def fields(self) -> dict[str, str]:
        return dict(self.data.get("fields") or {})


class TooManyRequests(DomainError):
    """Data `retry_after`: whole seconds, rendered as the Retry-After header."""

    status, code, title = 429, "too_many_requests", "Too many requests"

    @property
    def retry_after(self) -> int:
        return int(self.data.get("retry_after", 60))


class Unavailable(DomainError):
    status, code, title = 503, "unavailable", "Not available at the moment"


class VendorError(Exception):
    """A third party did not give the answer asked for. `vendor`: its register code; `code`: what went wrong."""

    def __init__(self, detail: str = "", *, vendor: str = "", code: str = "") -> None:
        self.vendor, self.code = vendor, code
        self.detail = detail or code or type(self).__name__
        super().__init__(self.detail)

    def __str__(self) -> str:
        return f"{self.vendor}: {self.detail}" if self.vendor else self.detail

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_vendor, (type(self), self.detail, self.vendor, self.code)


def _rebuild_vendor(cls: type[VendorError], detail: str, vendor: str, code: str) -> VendorError:
    return cls(detail, vendor=vendor, code=code)


class TransientError(VendorError):
    """Nothing happened there; the same request may be sent again later."""


class PermanentError(VendorError):
    """Nothing happened there and never will with this request."""


class Malformed(PermanentError):
    """An answer, and so `billed` where there was a call, that is not what was agreed. `raw`: it, a JSON object."""

    def __init__(
        self, detail: str = "", *, vendor: str = "", code: str = "malformed", raw: Any = None, billed: bool = True
    ) -> None:
        super().__init__(detail, vendor=vendor, code=code)
        self.raw, self.billed = raw, billed


class UnknownOutcome(VendorError):
    """Sent, no answer: it may have happened. Query under the same key; never send again."""
