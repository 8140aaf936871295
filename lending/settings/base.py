"""Production. Everything that differs between installations comes from the environment; a missing value stops it."""

import base64
import hashlib
import hmac
import json
import os
from pathlib import Path
from typing import Any

from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _
from redis.backoff import NoBackoff
from redis.retry import Retry

from .environment import database, listed, required

BASE_DIR = Path(__file__).resolve().parents[2]

DEBUG = False
SECRET_KEY = required("SECRET_KEY")
ALLOWED_HOSTS = listed(required("ALLOWED_HOSTS"))
FIELD_ENCRYPTION_KEYS = listed(required("FIELD_ENCRYPTION_KEYS"))
# Blind indexes cannot rotate with the keys. Without a key of their own they hang on the oldest encryption key:
# give BLIND_INDEX_KEY before that one is retired (docs/operations.md).
BLIND_INDEX_KEY = (
    os.environ.get("BLIND_INDEX_KEY")
    or base64.b64encode(
        hmac.digest(base64.b64decode(FIELD_ENCRYPTION_KEYS[-1]), b"blind-index", hashlib.sha256),
    ).decode()
)
DATABASES = {"default": database(required("DATABASE_URL"))}
REDIS_URL = required("REDIS_URL")
# Where vendors call back, and what links in messages begin with.
PUBLIC_URL = (os.environ.get("PUBLIC_URL") or f"https://{ALLOWED_HOSTS[0]}").rstrip("/")
# "1" where a reverse proxy ends TLS and sets X-Forwarded-Proto and X-Forwarded-For itself.
TRUSTED_PROXY = os.environ.get("TRUSTED_PROXY") == "1"
STAFF_SECOND_FACTOR = True
# Third parties by code: {"heyue": {"url": "https://…", "secret": "…"}}.
VENDORS: dict[str, dict[str, str]] = json.loads(os.environ.get("VENDORS", "{}"))
# "1": staff with the permission may make a source seem dead, slow or wrong, for real applications too.
ALLOW_DRILLS = os.environ.get("ALLOW_DRILLS") == "1"
# Whose rows of `users_collectionrule` say what may be collected from borrowers' phones.
MARKET = os.environ.get("MARKET") or "CN"
# What stands before the path of a data source's address; a source may also say its whole address.
VENDOR_BASE_URL = os.environ.get("VENDOR_BASE_URL", "").rstrip("/")
# The company's seal on contracts: PEM text, or file:/path.
SEAL_KEY_PEM = os.environ.get("SEAL_KEY_PEM", "")
SEAL_CERT_PEM = os.environ.get("SEAL_CERT_PEM", "")
SEAL_SELF_SIGNED = False

INSTALLED_APPS = [
    "lending.apps.OfficeConfig",
    "unfold.contrib.filters",
    "django.contrib.auth",  # before users, whose back office replaces its list of groups
    "django.contrib.admin",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_fsm",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "heroicons",
    # Ours last: their admin replaces what the ones above registered.
    "lending",
    "users",
    "risk",
    "review",
    "funding",
    "contracts",
    "traffic",
]

MIDDLEWARE = [
    "lending.middleware.RequestContext",
    "lending.middleware.ApiInUtc",
    "django.middleware.security.SecurityMiddleware",
    "lending.middleware.SecurityHeaders",
    "lending.middleware.BodyLimit",
    "lending.middleware.Lean",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "lending.middleware.StaffSecondFactor",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "lending.urls"
WSGI_APPLICATION = "lending.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

AUTH_USER_MODEL = "users.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "lending" / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = ["lending.common.formats"]

STATIC_URL = "static/"
STATIC_ROOT: Path | None = Path(os.environ.get("STATIC_ROOT", BASE_DIR / ".run" / "static"))
MEDIA_ROOT = Path(os.environ.get("MEDIA_ROOT", BASE_DIR / ".run" / "media"))
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage",
        # Not the mode of uploads below: whoever collects the files (a build, root) is not who serves them.
        "OPTIONS": {"file_permissions_mode": 0o644},
    },
}
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # bytes of a body without files
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000  # a scorecard of many bins is one form
MAX_UPLOAD_SIZE = 10 * 1024 * 1024  # bytes of a multipart body
MAX_STAFF_UPLOAD_SIZE = (
    24 * 1024 * 1024
)  # in the back office: a dataset of 20 MB is read, and a larger one refused by name

SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # probes come from inside
SECURE_HSTS_SECONDS = 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_AGE = 8 * 3600
CSRF_COOKIE_SECURE = True
X_FRAME_OPTIONS = "DENY"
CSRF_TRUSTED_ORIGINS = [f"https://{host.lstrip('.')}" for host in ALLOWED_HOSTS if host != "*"]
if TRUSTED_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        # A cache that is down must cost a request next to nothing; redis-py's default waits seconds between attempts.
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1, "retry": Retry(NoBackoff(), 1)},
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["users.api.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["lending.common.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["lending.common.throttle.ByAddress", "lending.common.throttle.ByUser"],
    "DEFAULT_THROTTLE_RATES": {
        "anon": "60/min",
        "user": "300/min",
        "otp": "10/min",
        "token": "20/min",
        "verify": "10/min",
    },
    "NUM_PROXIES": 1 if TRUSTED_PROXY else 0,
    "EXCEPTION_HANDLER": "lending.common.problem.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Cash loan API",
    "DESCRIPTION": "Borrower API. Money is integer minor units in `…_cents` with `currency`; times are RFC 3339 UTC; "
    "errors are `application/problem+json` with a stable `code`.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["lending.common.openapi.borrowers_only"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "lending.common.openapi.add_common_problems",
    ],
    "ENUM_NAME_OVERRIDES": {
        "LoanPurposeEnum": "lending.services.gates.PURPOSES",  # a code has a purpose too
        "CertificateKindEnum": "users.models.certificates.CertificateKind",  # a check has a kind too
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# A killed worker's task comes back after the visibility timeout; shorter than a task it would run twice in parallel.
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "global_keyprefix": "celery:",
    "socket_timeout": 10,
    "socket_connect_timeout": 2,
    "max_retries": 1,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONCURRENCY = int(os.environ.get("WORKER_THREADS", "12"))
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_ROUTES = {
    "contracts.tasks.*": {"queue": "documents"},
    "risk.tasks.run_assessment": {"queue": "pulls"},
}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_TIMEZONE = TIME_ZONE

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": _("Cash loan back office"),
    "SITE_HEADER": _("Cash loan back office"),
    "SITE_SYMBOL": "account_balance",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "LOGIN": {"form": "lending.common.staff_login.StaffLoginForm"},
    "STYLES": [lambda request: static("lending/admin.css"), lambda request: static("lending/office.css")],
    "DASHBOARD_CALLBACK": "lending.admin.dashboard.context",
    "SIDEBAR": {"show_search": True, "navigation": "lending.admin.navigation.sidebar"},
    "COLORS": {
        "base": {  # warm greys
            "50": "oklch(98.5% .001 106.4)",
            "100": "oklch(97% .001 106.4)",
            "200": "oklch(92.3% .003 48.7)",
            "300": "oklch(86.9% .005 56.4)",
            "400": "oklch(70.9% .01 56.3)",
            "500": "oklch(53.3% .013 58.1)",
            "600": "oklch(44.4% .011 73.6)",
            "700": "oklch(37.4% .01 67.6)",
            "800": "oklch(26.8% .007 34.3)",
            "900": "oklch(21.6% .006 56)",
            "950": "oklch(14.7% .004 49.3)",
        },
        "primary": {  # deep teal: white text on 600 has a contrast of 5.5
            "50": "oklch(98.4% .014 180.7)",
            "100": "oklch(95.3% .051 180.8)",
            "200": "oklch(91% .096 180.4)",
            "300": "oklch(85.5% .138 181.1)",
            "400": "oklch(77.7% .13 181.9)",
            "500": "oklch(65% .11 183)",
            "600": "oklch(51.1% .096 186.4)",
            "700": "oklch(43.7% .078 188.2)",
            "800": "oklch(38.6% .063 188.4)",
            "900": "oklch(33% .055 190)",
            "950": "oklch(27.7% .046 192.5)",
        },
    },
}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "lending.common.logs.Formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {
        # Django's own handlers would print the same a second time, as text.
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
        "django.request": {"level": "ERROR"},  # a refused request is told by our own line
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "fontTools": {"level": "WARNING"},
        "weasyprint": {"level": "ERROR"},
        "celery.app.trace": {"level": "WARNING"},  # one line for every sweep otherwise
        "celery.beat": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
    },
}
