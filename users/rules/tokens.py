"""How a token is kept."""

import hashlib


def digest(token: str) -> str:
    """64 hex digits. A plain hash is enough for 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()
