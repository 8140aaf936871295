"""The web application as granian serves it; production settings unless told otherwise."""

import os
import signal

from django.core.wsgi import get_wsgi_application

from lending.management.platform.processes import FOLLOW, follow_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lending.settings.base")

if os.environ.get(FOLLOW):  # a worker whose leader is gone would keep the port, and serve old code
    follow_parent(signal.SIGKILL)
application = get_wsgi_application()
