"""Internet addresses are encrypted: a column beside each, filled by the next migration while the old one still serves."""

from django.db import migrations

import lending.common.crypto

# A consent is withdrawn once. Its address may be written encrypted where it was not, be encrypted under another key
# (another key id, the same length) and be emptied; nothing else ever changes.
GUARD = """
CREATE OR REPLACE FUNCTION users_consent_only_withdrawn() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept users_consent%ROWTYPE := NEW;
BEGIN
    kept.{column} := OLD.{column};
    IF kept IS NOT DISTINCT FROM OLD AND (
        OLD.{column} IS NULL AND {first} OR NEW.{column} IS NULL
        OR substr(NEW.{column}, 1, 4) <> substr(OLD.{column}, 1, 4) AND length(NEW.{column}) = length(OLD.{column})
    ) THEN
        RETURN NEW;
    END IF;
    kept := NEW;
    kept.withdrawn_at := OLD.withdrawn_at;
    kept.withdrawn_by := OLD.withdrawn_by;
    IF kept IS DISTINCT FROM OLD OR OLD.withdrawn_at IS NOT NULL THEN
        RAISE EXCEPTION 'a consent is withdrawn once and never edited' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""
BEFORE = """
CREATE OR REPLACE FUNCTION users_consent_only_withdrawn() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept users_consent%ROWTYPE := NEW;
BEGIN
    kept.withdrawn_at := OLD.withdrawn_at;
    kept.withdrawn_by := OLD.withdrawn_by;
    IF kept IS DISTINCT FROM OLD OR OLD.withdrawn_at IS NOT NULL THEN
        RAISE EXCEPTION 'a consent is withdrawn once and never edited' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("users", "0020_spend_by_day")]
    operations = [
        *(
            migrations.AddField(name, "ip_encrypted", lending.common.crypto.EncryptedTextField(null=True))
            for name in ("device", "logincode", "consent")
        ),
        migrations.RunSQL(GUARD.format(column="ip_encrypted", first="true"), BEFORE),
    ]
