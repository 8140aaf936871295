"""The addresses there are, encrypted batch by batch, each in a transaction of its own; then the clear column goes.

May be stopped and run again: what is filled stays.
"""

from importlib import import_module
from typing import Any

from django.db import migrations, transaction

from lending.common.crypto import EncryptedTextField

BATCH = 500
GUARD = import_module("contracts.migrations.0004_addresses_encrypted").GUARD


def encrypt(apps: Any, schema_editor: Any) -> None:
    Signature, last = apps.get_model("contracts", "Signature"), 0
    clear = Signature.objects.filter(ip__isnull=False, ip_encrypted=None).only("pk", "ip").order_by("pk")
    while rows := list(clear.filter(pk__gt=last)[:BATCH]):
        for row in rows:
            row.ip_encrypted = row.ip
        with transaction.atomic():
            Signature.objects.bulk_update(rows, ["ip_encrypted"])
        last = rows[-1].pk


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("contracts", "0004_addresses_encrypted")]
    operations = [
        migrations.RunPython(encrypt),
        migrations.RemoveField("signature", "ip"),
        migrations.RenameField("signature", "ip_encrypted", "ip"),
        migrations.AlterField(
            "signature",
            "ip",
            EncryptedTextField(editable=False, help_text="Emptied when nothing is kept any more", null=True),
        ),
        migrations.RunSQL(GUARD.format(column="ip", first="false"), migrations.RunSQL.noop),
    ]
