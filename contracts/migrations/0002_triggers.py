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
    RETURN NEW;
END $$;
CREATE TRIGGER contracts_template_guard BEFORE UPDATE OR DELETE ON contracts_template
    FOR EACH ROW EXECUTE FUNCTION contracts_template_guard();
"""

SIGNATURE = """
CREATE FUNCTION contracts_signature_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
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


def _drop(name: str) -> str:
    return f"DROP FUNCTION contracts_{name}_guard() CASCADE"


class Migration(migrations.Migration):
    dependencies = [("contracts", "0001_initial")]

    operations = [
        migrations.RunSQL(TEMPLATE, _drop("template")),
        migrations.RunSQL(SIGNATURE, _drop("signature")),
        migrations.RunSQL(CONTRACT, _drop("contract")),
    ]
