from django.urls import path

from funding import api

# Mounted at /callbacks/funding/
callback_urlpatterns = [path("<str:provider>", api.callback, name="funding-callback")]
