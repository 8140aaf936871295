"""Addresses of traffic's doors. `api_urlpatterns` hang under /partner/v1/, with a document of their own; pages hang at
the root."""

from typing import Any

from django.urls import URLPattern, URLResolver, include, path

from traffic.api import applications, callbacks, events, operator, precheck, reconciliation, sessions, statement
from traffic.pages import docs, join

api_urlpatterns: list[URLPattern] = [
    path("applications", applications.ApplicationsView.as_view()),
    path("applications/<uuid:public_id>", applications.ApplicationView.as_view()),
    path("applications/<uuid:public_id>/cancel", applications.CancelView.as_view()),
    path("applications/<uuid:public_id>/supplements", applications.SupplementsView.as_view()),
    path("callback-secret", events.CallbackSecretView.as_view()),
    path("events", events.EventsView.as_view()),
    path("events/resend", events.ResendView.as_view()),
    path("operator", operator.OperatorView.as_view()),
    path("operator/code", operator.OperatorCodeView.as_view()),
    path("precheck", precheck.precheck),
    path("reconciliation", reconciliation.ReconciliationView.as_view()),
    path("sessions", sessions.SessionsView.as_view()),
    path("statement", statement.StatementView.as_view()),
]
page_urlpatterns: list[URLPattern] = [
    path("join/<str:token>/", join.JoinPage.as_view(), name="join"),
    path("partner/docs/", docs.GuidePage.as_view(), name="partner_docs"),
]
# Mounted at /callbacks/traffic/
callback_urlpatterns: list[URLPattern] = [path("<str:provider>", callbacks.callback, name="traffic-callback")]
documented_urlpatterns: list[URLResolver] = [
    path("partner/v1/", include(api_urlpatterns)),
    path("partner/v1/", include([path("precheck", precheck.Documented.as_view())])),
]
DOCUMENT: dict[str, Any] = {
    "TITLE": "Cash loan partner API",
    "DESCRIPTION": "For upstream channels. Every request is signed. Money is integer minor units in `…_cents` with "
    "`currency`; times are RFC 3339 UTC; errors are `application/problem+json` with a stable `code`.",
    "SCHEMA_PATH_PREFIX": "/partner/v1",
    "PREPROCESSING_HOOKS": [],
    "ENUM_NAME_OVERRIDES": {},
}
