"""Load groups, demo staff and the demo configuration. May be run again: it upserts by key and never doubles."""

import os
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

import contracts.services.configuration
import funding.services.configuration
import lending.services.configuration
import review.services.configuration
import risk.services.configuration
import traffic.services.configuration
import users.services.configuration
from lending.common import clock

DEMO_PASSWORD = "demo-only-2026"  # noqa: S105  of development; production says its own


def load_staff(*, at: datetime) -> None:
    password = os.environ.get("DEMO_PASSWORD") or ("" if settings.STAFF_SECOND_FACTOR else DEMO_PASSWORD)
    if not password:
        raise CommandError("Set DEMO_PASSWORD to the first password of the staff accounts, and run this again.")
    users.services.configuration.load_staff(at=at, password=password)


LOADERS = (
    ("parties, products, grades, terms, lifetimes, reasons", lending.services.configuration.load),
    ("groups, sources, documents, levels", users.services.configuration.load),
    ("staff", load_staff),
    ("variables, decision flows and their releases", risk.services.configuration.load),
    ("queues, authority, reviewers", review.services.configuration.load),
    ("funders and programmes", funding.services.configuration.load),
    ("contract templates", contracts.services.configuration.load),
    ("channels, status words, platforms", traffic.services.configuration.load),
)


class Command(BaseCommand):
    help = "Load groups, demo staff and the demo configuration (may be run again)."

    def handle(self, *args: Any, **options: Any) -> None:
        for what, load in LOADERS:
            with transaction.atomic(durable=True):
                load(at=clock.now())
            if options["verbosity"]:
                self.stdout.write(f"  loaded {what}")
