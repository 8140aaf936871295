"""Bring everything encrypted under the newest key. May be stopped and run again, beside a platform that works."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

import contracts.services.files
import review.services.notes
import users.services.certificates
from lending.common import reencrypt, vault
from lending.services import supplements


class Command(BaseCommand):
    help = "Re-encrypt values and stored files under the first of FIELD_ENCRYPTION_KEYS. Finishes what it began."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing; exit 1 where an older key is in use")
        parser.add_argument("--batch", type=int, default=reencrypt.BATCH, help="rows of one transaction")

    def handle(self, *args: Any, check: bool, batch: int, **options: Any) -> None:
        total = 0
        for model, field in reencrypt.columns():
            counts = [reencrypt.left(model, field)] if check else reencrypt.column(model, field, batch=batch)
            total += self._say(f"{model._meta.db_table}.{field.column}", sum(counts))
        stored = {
            "contract files": contracts.services.files.names(),
            "supplement files": supplements.file_names(),
            "certificates": users.services.certificates.file_names(),
            "files on review cases": review.services.notes.file_names(),
        }
        for what, names in stored.items():
            files = vault.under_older_key(names) if check else vault.reencrypt(names)
            total += self._say(what, sum(1 for _ in files))
        self.stdout.write(f"{total} {'under an older key' if check else 're-encrypted'}")
        if check and total:
            sys.exit(1)

    def _say(self, what: str, count: int) -> int:
        if count:
            self.stdout.write(f"  {what}: {count}")
        return count
