"""Load groups, demo staff and the demo configuration. May be run again: it upserts by key and never doubles.

In production nobody can sign in as the demo's staff, who stand there as authors of the configuration, unless
DEMO_PASSWORD gives them a first password: theirs are random and thrown away, and they have no second factor.
"""

import os
import secrets
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

import contracts.services.configuration
import funding.services.configuration
import lending.services.configuration
import review.services.configuration
import risk.services.configuration
import traffic.queries
import traffic.services.configuration
import users.services.configuration
from lending.common import clock

DEMO_PASSWORD = "demo-only-2026"  # noqa: S105  of development; production says its own


def load_staff(*, at: datetime) -> None:
    unknown = secrets.token_urlsafe(32) if settings.STAFF_SECOND_FACTOR else DEMO_PASSWORD
    users.services.configuration.load_staff(at=at, password=os.environ.get("DEMO_PASSWORD") or unknown)


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

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--if-none", action="store_true", help="do nothing where a configuration was loaded whole")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["if_none"] and traffic.queries.is_configured():
            self.stdout.write("  a configuration is there already; without --if-none it is loaded over it")
            return
        for what, load in LOADERS:
            with transaction.atomic(durable=True):
                load(at=clock.now())
            if options["verbosity"]:
                self.stdout.write(f"  loaded {what}")
