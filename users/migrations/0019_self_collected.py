"""What borrowers' phones send is counted under the market's rows and a consent of its kind; fingerprints of devices
are encrypted and compared by a blind index."""

from typing import Any

import django.db.models.deletion
import lending.common.crypto
from django.conf import settings
from django.db import migrations, models

NEEDS_CONSENT = """
CREATE FUNCTION users_collected_needs_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM users_require_live_consent(NEW.consent_id, NEW.user_id, 'platform', NEW.received_at);
    IF NOT EXISTS (SELECT 1 FROM users_consent c WHERE c.id = NEW.consent_id AND c.code = NEW.kind) THEN
        RAISE EXCEPTION 'consent_not_live: consent % is not for %', NEW.consent_id, NEW.kind
            USING ERRCODE = 'check_violation';
    ELSIF NOT EXISTS (SELECT 1 FROM users_collectionrule r
                      WHERE r.market = NEW.market AND r.kind = NEW.kind AND r.is_allowed) THEN
        RAISE EXCEPTION 'not_collected_here: % in %', NEW.kind, NEW.market USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER users_collected_needs_consent BEFORE INSERT OR UPDATE ON users_collectedfeatures
    FOR EACH ROW EXECUTE FUNCTION users_collected_needs_consent();
"""


def encrypt_fingerprints(apps: Any, schema_editor: Any) -> None:
    Device = apps.get_model("users", "Device")
    for row in Device.objects.only("pk", "fingerprint").iterator():
        index = lending.common.crypto.blind_index(row.fingerprint, "device")
        Device.objects.filter(pk=row.pk).update(encrypted=row.fingerprint, fingerprint_index=index)


class Migration(migrations.Migration):
    dependencies = [("users", "0018_erasure")]
    operations = [
        migrations.CreateModel(
            name="CollectionRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("market", models.CharField(max_length=8)),
                (
                    "kind",
                    models.CharField(
                        choices=[("device", "Device"), ("sms", "Text messages"), ("contacts", "Address book")],
                        max_length=12,
                    ),
                ),
                ("is_allowed", models.BooleanField()),
                ("fresh_days", models.PositiveSmallIntegerField(help_text="What is older counts as unknown")),
                ("basis", models.CharField(help_text="Why it may be collected, or why not", max_length=200)),
            ],
            options={
                "ordering": ("market", "kind"),
                "constraints": [
                    models.UniqueConstraint(fields=("market", "kind"), name="users_collection_rule_once"),
                    models.CheckConstraint(
                        condition=models.Q(("fresh_days__gte", 1)), name="users_collection_rule_fresh"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CollectorNumber",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number_index", models.CharField(editable=False, max_length=64, unique=True)),
                ("source", models.CharField(help_text="Who says so", max_length=40)),
                ("added_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="CollectedFeatures",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("device", "Device"), ("sms", "Text messages"), ("contacts", "Address book")],
                        max_length=12,
                    ),
                ),
                ("market", models.CharField(max_length=8)),
                ("features", lending.common.crypto.EncryptedJSONField(editable=False)),
                ("received_at", models.DateTimeField()),
                (
                    "consent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="users.consent"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="collected",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "collected features",
                "constraints": [
                    models.UniqueConstraint(fields=("user", "kind"), name="users_collected_once"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["sms", "contacts"])), name="users_collected_kind"
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            NEEDS_CONSENT,
            "DROP TRIGGER users_collected_needs_consent ON users_collectedfeatures;"
            "DROP FUNCTION users_collected_needs_consent()",
        ),
        migrations.AddField("Device", "encrypted", lending.common.crypto.EncryptedTextField(null=True)),
        migrations.AddField(
            "Device", "fingerprint_index", models.CharField(default="", editable=False, max_length=64),
            preserve_default=False,
        ),
        migrations.RunPython(encrypt_fingerprints),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.RemoveConstraint("Device", "users_device_once"),
        migrations.RemoveIndex("Device", "users_device_same"),
        migrations.RemoveField("Device", "fingerprint"),
        migrations.RenameField("Device", "encrypted", "fingerprint"),
        migrations.AlterField("Device", "fingerprint", lending.common.crypto.EncryptedTextField(editable=False)),
        migrations.AddIndex(
            "Device", models.Index(fields=["fingerprint_index", "-last_seen_at"], name="users_device_same")
        ),
        migrations.AddConstraint(
            "Device", models.UniqueConstraint(fields=("user", "fingerprint_index"), name="users_device_once")
        ),
    ]
