"""What production reads from its environment, and what it says where something is missing."""

import os
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

HINTS = {
    "SECRET_KEY": "a long random text: python -c 'import secrets; print(secrets.token_urlsafe(64))'",
    "FIELD_ENCRYPTION_KEYS": "base64 keys of 32 bytes, newest first, comma between: "
    "python -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'",
    "ALLOWED_HOSTS": "the host names it is served under, comma between: loans.example.com",
    "DATABASE_URL": "postgres://user:password@host:5432/name (development: `make run` starts one)",
    "REDIS_URL": "redis://:password@host:6379/0 (development: `make run` starts one)",
}


def required(name: str) -> str:
    """The variable's text. Raises ImproperlyConfigured with the way to set it."""
    value = os.environ.get(name, "").strip()
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. Set it to {HINTS[name]}")
    return value


def listed(text: str) -> list[str]:
    """The parts of a comma-separated value."""
    return [part.strip() for part in text.split(",") if part.strip()]


def database(url: str) -> dict[str, Any]:
    """Django's settings for postgres://user:password@host:port/name; ImproperlyConfigured for anything else."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql") or not parts.path.strip("/"):
        raise ImproperlyConfigured(f"DATABASE_URL is not understood. Set it to {HINTS['DATABASE_URL']}")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 5},
    }
