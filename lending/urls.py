"""Every address of the platform."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

import funding.urls
import lending.api.urls
import lending.pages.urls
import users.urls
from lending.common import health

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("api/v1/", include(users.urls.api_urlpatterns)),
    path("api/v1/", include(lending.api.urls.api_urlpatterns)),
    path("", include(users.urls.page_urlpatterns)),
    path("", include(lending.pages.urls.urlpatterns)),
    path("callbacks/users/", include(users.urls.callback_urlpatterns)),
    path("callbacks/funding/", include(funding.urls.callback_urlpatterns)),
]
handler404 = "lending.common.problem.not_found"
