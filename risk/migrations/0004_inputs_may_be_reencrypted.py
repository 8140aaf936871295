"""A decision stays as it was, except that its inputs may be encrypted under another key.

The trigger cannot read them, so it lets through what a change of keys looks like: another key id, the same length, no
other column. That they still say the same is proved by replaying the decision, as for any other doubt.
"""

from django.db import migrations

KEPT = """
CREATE FUNCTION risk_decision_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept risk_decision%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        kept.inputs := OLD.inputs;
        IF kept IS NOT DISTINCT FROM OLD
            AND substr(NEW.inputs, 1, 4) <> substr(OLD.inputs, 1, 4)
            AND length(NEW.inputs) = length(OLD.inputs)
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'risk_decision is append-only' USING ERRCODE = 'check_violation';
END $$;
DROP TRIGGER risk_decision_never_changed ON risk_decision;
CREATE TRIGGER risk_decision_never_changed BEFORE UPDATE OR DELETE ON risk_decision
    FOR EACH ROW EXECUTE FUNCTION risk_decision_kept();
"""
NEVER = """
DROP TRIGGER risk_decision_never_changed ON risk_decision;
DROP FUNCTION risk_decision_kept();
CREATE TRIGGER risk_decision_never_changed BEFORE UPDATE OR DELETE ON risk_decision
    FOR EACH ROW EXECUTE FUNCTION risk_never_changed();
"""


class Migration(migrations.Migration):
    dependencies = [("risk", "0003_office_indexes")]

    operations = [migrations.RunSQL(KEPT, NEVER)]
