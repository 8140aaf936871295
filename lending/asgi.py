"""The same application for an ASGI server; production settings unless told otherwise."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lending.settings.base")

application = get_asgi_application()
