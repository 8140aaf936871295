"""Every address of the platform."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

import contracts.urls
import funding.urls
import lending.api.urls
import lending.pages.urls
import traffic.urls
import users.urls
from lending.common import health

# The partners' document: their doors in traffic, and those in lending that need flow.
partner_documented = [
    *traffic.urls.documented_urlpatterns,
    path("partner/v1/", include(lending.api.urls.partner_urlpatterns)),
]
urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path(
        "partner/schema/",
        SpectacularAPIView.as_view(patterns=partner_documented, custom_settings=traffic.urls.DOCUMENT),
        name="partner_schema",
    ),
    path("partner/v1/", include(traffic.urls.api_urlpatterns)),
    path("partner/v1/", include(lending.api.urls.partner_urlpatterns)),
    path("api/v1/", include(users.urls.api_urlpatterns)),
    path("api/v1/", include(lending.api.urls.api_urlpatterns)),
    path("", include(users.urls.page_urlpatterns)),
    path("", include(traffic.urls.page_urlpatterns)),
    path("", include(contracts.urls.page_urlpatterns)),
    path("", include(lending.pages.urls.urlpatterns)),
    path("callbacks/users/", include(users.urls.callback_urlpatterns)),
    path("callbacks/funding/", include(funding.urls.callback_urlpatterns)),
    path("callbacks/traffic/", include(traffic.urls.callback_urlpatterns)),
]
handler404 = "lending.common.problem.not_found"
