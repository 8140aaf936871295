"""Addresses of contracts' pages, at the root."""

from django.urls import URLPattern, path

from contracts.pages import verify

page_urlpatterns: list[URLPattern] = [path("verify/", verify.VerifyPage.as_view(), name="verify")]
