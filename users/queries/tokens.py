"""Who a token stands for."""

from datetime import datetime

from users.models import Token, TokenKind
from users.rules import tokens


def signed_in(access: str, at: datetime) -> Token | None:
    """The live access token with its user (rows, for users' own door); None where it is unknown or over."""
    return (
        Token.objects.select_related("user")
        .filter(
            token_hash=tokens.digest(access),
            kind=TokenKind.ACCESS,
            revoked_at=None,
            expires_at__gt=at,
            user__is_active=True,
        )
        .first()
    )
