"""The addresses there are, encrypted batch by batch, each in a transaction of its own; then the clear columns go.

May be stopped and run again: what is filled stays.
"""

from importlib import import_module
from typing import Any

from django.db import migrations, transaction

from lending.common.crypto import EncryptedTextField

BATCH = 500
GUARD = import_module("users.migrations.0021_addresses_encrypted").GUARD


def encrypt(apps: Any, schema_editor: Any) -> None:
    for name in ("Device", "LoginCode", "Consent"):
        Model, last = apps.get_model("users", name), 0
        clear = Model.objects.filter(ip__isnull=False, ip_encrypted=None).only("pk", "ip").order_by("pk")
        while rows := list(clear.filter(pk__gt=last)[:BATCH]):
            for row in rows:
                row.ip_encrypted = row.ip
            with transaction.atomic():
                Model.objects.bulk_update(rows, ["ip_encrypted"])
            last = rows[-1].pk


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("users", "0021_addresses_encrypted")]
    operations = [
        migrations.RunPython(encrypt),
        *(migrations.RemoveField(name, "ip") for name in ("device", "logincode", "consent")),
        *(migrations.RenameField(name, "ip_encrypted", "ip") for name in ("device", "logincode", "consent")),
        migrations.AlterField("device", "ip", EncryptedTextField(editable=False)),
        migrations.AlterField(
            "logincode",
            "ip",
            EncryptedTextField(
                blank=True, editable=False, help_text="Absent where the platform sent it unasked", null=True
            ),
        ),
        migrations.AlterField(
            "consent",
            "ip",
            EncryptedTextField(
                blank=True, editable=False, help_text="Emptied when nothing is kept any more", null=True
            ),
        ),
        migrations.RunSQL(GUARD.format(column="ip", first="false"), migrations.RunSQL.noop),
    ]
