"""Tests: development on a database of their own, with nothing that only costs time."""

from .dev import *  # noqa: F403
from .dev import DATABASES, LOGGING, REST_FRAMEWORK, RUN_DIR

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MEDIA_ROOT = RUN_DIR / "test-media"
DATABASES["default"]["OPTIONS"] = {
    "connect_timeout": 5,
    "options": "-c synchronous_commit=off",
}
# The cache's faults are tested for themselves; a test must not be throttled by the one before it.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] = dict.fromkeys(("anon", "user", "otp", "token", "verify"), "100000/min")
LOGGING["root"]["level"] = "WARNING"
# Refuses until the `sandbox` fixture has started one: no test may reach what happens to run on this machine.
SANDBOX_URL = "http://127.0.0.1:1"
DEMO_CLOCK = False
