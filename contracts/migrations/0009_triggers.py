"""What no constraint can say: an approved template, a signature and a sealed contract never change."""

from django.db import migrations

TEMPLATE = """
CREATE FUNCTION contracts_template_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept contracts_template%ROWTYPE;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'contract templates are kept for ever' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.approved_at IS NOT NULL THEN
        kept := NEW;
        kept.valid_to := OLD.valid_to;
        IF kept IS DISTINCT FROM OLD THEN
            RAISE EXCEPTION 'contract template % is approved: write a new version', OLD.id
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    IF OLD.state IN ('withdrawn', 'rejected') THEN
        RAISE EXCEPTION 'contract template % was %: write a new version', OLD.id, OLD.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER contracts_template_guard BEFORE UPDATE OR DELETE ON contracts_template
    FOR EACH ROW EXECUTE FUNCTION contracts_template_guard();
"""

# Append-only, but that the address may be encrypted under another key (another key id, the same length) and be
# emptied. "AND false" is what is left of the time when addresses were not encrypted: every database has the same text.
SIGNATURE = """
CREATE FUNCTION contracts_signature_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept contracts_signature%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        kept.ip := OLD.ip;
        IF kept IS NOT DISTINCT FROM OLD AND (
            OLD.ip IS NULL AND false OR NEW.ip IS NULL
            OR substr(NEW.ip, 1, 4) <> substr(OLD.ip, 1, 4)
                AND length(NEW.ip) = length(OLD.ip)
        ) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'signatures are append-only' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER contracts_signature_guard BEFORE UPDATE OR DELETE ON contracts_signature
    FOR EACH ROW EXECUTE FUNCTION contracts_signature_guard();
"""

# A sealed row may still be opened for the first time, be voided, and have its values encrypted under a newer key (what
# they said is in the PDF, whose hash is guarded). From rendering on, what was shown stays what it was.
CONTRACT = """
CREATE FUNCTION contracts_contract_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept contracts_contract%ROWTYPE;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'contracts are kept for ever' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state IN ('SEALED', 'VOID') THEN
        kept := NEW;
        kept."values" := OLD."values";
        IF OLD.first_opened_at IS NULL THEN
            kept.first_opened_at := NULL;
        END IF;
        IF OLD.state = 'SEALED' AND NEW.state = 'VOID' THEN
            kept.state := OLD.state;
            kept.voided_at := OLD.voided_at;
        END IF;
        IF kept IS DISTINCT FROM OLD THEN
            RAISE EXCEPTION 'contract % is %', OLD.number, OLD.state USING ERRCODE = 'check_violation';
        END IF;
    ELSIF OLD.state <> 'ISSUED' AND
        (NEW.drawdown_id, NEW.loan_id, NEW.kind, NEW.template_id, NEW.number, NEW.rendered_sha256, NEW.rendered_size)
        IS DISTINCT FROM
        (OLD.drawdown_id, OLD.loan_id, OLD.kind, OLD.template_id, OLD.number, OLD.rendered_sha256, OLD.rendered_size)
    THEN
        RAISE EXCEPTION 'contract % was shown to the borrower', OLD.number USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER contracts_contract_guard BEFORE UPDATE OR DELETE ON contracts_contract
    FOR EACH ROW EXECUTE FUNCTION contracts_contract_guard();
"""


class Migration(migrations.Migration):
    replaces = [("contracts", "0006_variable_types")]
    dependencies = [("contracts", "0008_tables"), ("lending", "0013_triggers")]
    operations = [
        migrations.RunSQL(TEMPLATE, "DROP FUNCTION contracts_template_guard() CASCADE"),
        migrations.RunSQL(SIGNATURE, "DROP FUNCTION contracts_signature_guard() CASCADE"),
        migrations.RunSQL(CONTRACT, "DROP FUNCTION contracts_contract_guard() CASCADE"),
    ]
