"""A staff account from the command line, with the device of its second factor: the first one of an installation."""

import getpass
import os
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django_otp.plugins.otp_totp.models import TOTPDevice

from lending.common import clock
from users.services import accounts


class Command(BaseCommand):
    help = "Create a staff account (or add groups to one) and print the address of a new one-time-code device."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="", help="the person's full name")
        parser.add_argument("--group", action="append", default=[], dest="groups", help="may be given again")
        parser.add_argument("--superuser", action="store_true")

    def handle(self, *args: Any, username: str, name: str, groups: list[str], superuser: bool, **options: Any) -> None:
        password = os.environ.get("STAFF_PASSWORD") or getpass.getpass("Password: ")
        try:
            with transaction.atomic(durable=True):
                user_id = accounts.make_staff(
                    username=username,
                    password=password,
                    full_name=name,
                    groups=groups,
                    is_superuser=superuser,
                    at=clock.now(),
                )
                device = TOTPDevice.objects.create(user_id=user_id, name="authenticator")
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"Enter this address in an authenticator app; it is shown once:\n{device.config_url}")
