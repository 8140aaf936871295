"""The demo configuration, as `bootstrap` loads it."""

from datetime import datetime
from importlib import import_module

from django.core.management import call_command

from lending.common import clock
from tests.factories.snapshot import loaded

APPS = ("lending", "users", "review")


def configure(at: datetime, apps: tuple[str, ...] = APPS) -> None:
    """What the loaders of these apps write."""

    def load() -> None:
        for app in apps:
            import_module(f"{app}.services.configuration").load(at=at)

    loaded(("configure", at, apps), load)


def bootstrap() -> None:
    """Everything, and the demo's staff."""
    loaded(("bootstrap", clock.now()), lambda: call_command("bootstrap", verbosity=0))
