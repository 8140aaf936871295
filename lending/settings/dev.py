"""Development and the demo: production with what `make run` started, plain HTTP and no second factor."""

import os
from pathlib import Path

from lending.management.platform import running

ROOT = Path(__file__).resolve().parents[2]
RUN_DIR = Path(os.environ.get("RUN_DIR", ROOT / ".run"))
PORT, SANDBOX_PORT = (int(os.environ.get(name) or kept) for name, kept in running.ports(RUN_DIR).items())

os.environ.setdefault("SECRET_KEY", "development-only: not a secret, and production refuses to start without its own")
os.environ.setdefault("FIELD_ENCRYPTION_KEYS", "ZGV2ZWxvcG1lbnQtb25seS1ub3QtYS1zZWNyZXQtMDE=")
os.environ.setdefault("ALLOWED_HOSTS", "*")
for _name, _url in running.urls(RUN_DIR).items():
    os.environ[_name] = os.environ.get(_name) or _url

from .base import *  # noqa: E402, F403
from .base import LOGGING, REST_FRAMEWORK, STORAGES  # noqa: E402

DEBUG = os.environ.get("DEBUG") == "1"
PUBLIC_URL = os.environ.get("PUBLIC_URL") or f"http://127.0.0.1:{PORT}"
SANDBOX_URL = os.environ.get("SANDBOX_URL", f"http://127.0.0.1:{SANDBOX_PORT}")
STAFF_SECOND_FACTOR = False
ALLOW_DRILLS = True
SEAL_KEY_PEM = f"file:{RUN_DIR / 'seal' / 'key.pem'}"
SEAL_CERT_PEM = f"file:{RUN_DIR / 'seal' / 'certificate.pem'}"
SEAL_SELF_SIGNED = True
DEMO_CLOCK = True  # `manage.py demo` runs ahead of the real time

SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 0
SESSION_COOKIE_SECURE = False
CSRF_COOKIE_SECURE = False
CSRF_TRUSTED_ORIGINS = []

STATIC_ROOT = None  # served from where the files lie
MEDIA_ROOT = RUN_DIR / "media"
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_USE_FINDERS = True  # no collectstatic between an edit and the page
WHITENOISE_AUTOREFRESH = False

# Everybody in a demo comes from 127.0.0.1.
REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] = dict.fromkeys(("anon", "user", "otp", "token", "verify"), "6000/min")
LOGGING["root"]["level"] = os.environ.get("LOG_LEVEL", "INFO")
