from django.apps import AppConfig
from django.conf import settings
from django.contrib import admin
from django.contrib.admin import sites
from django.utils.translation import gettext_lazy as _


class OfficeConfig(AppConfig):
    """Unfold with our site, in place before the tables are registered with it."""

    name = "unfold"

    def ready(self) -> None:
        from lending.common.office import OfficeSite

        admin.site = sites.site = OfficeSite()


class LendingConfig(AppConfig):
    name = "lending"
    default = True
    verbose_name = _("Lending")

    def ready(self) -> None:
        import lending.celery  # noqa: F401  the app that `wake` sends with, in every process
        from lending.common import migrating  # noqa: F401  registers its check

        if getattr(settings, "DEMO_CLOCK", False):
            from lending.common import clock
            from lending.services import demo_clock

            clock.set_offset_source(demo_clock.offset)
