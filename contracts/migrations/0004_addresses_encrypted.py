"""The internet address of a signature is encrypted: a column beside it, filled by the next migration."""

from django.db import migrations

import lending.common.crypto

# Append-only, but that the address may be written encrypted where it was not, be encrypted under another key (another
# key id, the same length) and be emptied.
GUARD = """
CREATE OR REPLACE FUNCTION contracts_signature_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept contracts_signature%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        kept.{column} := OLD.{column};
        IF kept IS NOT DISTINCT FROM OLD AND (
            OLD.{column} IS NULL AND {first} OR NEW.{column} IS NULL
            OR substr(NEW.{column}, 1, 4) <> substr(OLD.{column}, 1, 4)
                AND length(NEW.{column}) = length(OLD.{column})
        ) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'signatures are append-only' USING ERRCODE = 'check_violation';
END $$;
"""
BEFORE = """
CREATE OR REPLACE FUNCTION contracts_signature_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'signatures are append-only' USING ERRCODE = 'check_violation';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("contracts", "0003_nulls_refused")]
    operations = [
        migrations.AddField("signature", "ip_encrypted", lending.common.crypto.EncryptedTextField(null=True)),
        migrations.RunSQL(GUARD.format(column="ip_encrypted", first="true"), BEFORE),
    ]
