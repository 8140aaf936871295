"""Bearer tokens of borrowers."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from lending.common import clock
from users.models import Token, User
from users.queries.tokens import signed_in


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>`. request.user is the borrower, request.auth their token row."""

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        if len(words) != 2:
            raise AuthenticationFailed("The header must be: Bearer <token>.")
        token = signed_in(words[1].decode("latin-1"), clock.now())
        if token is None:
            raise AuthenticationFailed("The token is not valid any more.")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema shows it."""

    target_class = "users.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "The access token from auth/token."}
