"""A decision stays as it was, its inputs too, until the kept years of an erased account are over: they may then become
empty ({} under any key), nothing else.

34 bytes are an encrypted {}: key id, nonce, two letters, tag.
"""

from django.db import migrations

KEPT = """
CREATE OR REPLACE FUNCTION risk_decision_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept risk_decision%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        kept.inputs := OLD.inputs;
        IF kept IS NOT DISTINCT FROM OLD AND (
            substr(NEW.inputs, 1, 4) <> substr(OLD.inputs, 1, 4) AND length(NEW.inputs) = length(OLD.inputs)
            {forgotten}
        ) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'risk_decision is append-only' USING ERRCODE = 'check_violation';
END $$;
"""
FORGOTTEN = """OR length(NEW.inputs) = 34 AND EXISTS (
                SELECT 1 FROM risk_assessment a JOIN users_erasure e ON e.user_id = a.user_id
                WHERE a.id = NEW.assessment_id AND e.forgotten_at IS NOT NULL)"""


class Migration(migrations.Migration):
    dependencies = [("risk", "0014_spend"), ("users", "0023_kept_years_end")]
    operations = [migrations.RunSQL(KEPT.replace("{forgotten}", FORGOTTEN), KEPT.replace("{forgotten}", ""))]
