"""The web application as granian serves it; production settings unless told otherwise."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lending.settings.base")

application = get_wsgi_application()
