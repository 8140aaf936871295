"""Decisions, releases and bindings are never edited; a pull is inserted and claimed only under a live consent."""

from django.db import migrations

NEVER_CHANGED = """
CREATE FUNCTION risk_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER risk_decision_never_changed BEFORE UPDATE OR DELETE ON risk_decision
    FOR EACH ROW EXECUTE FUNCTION risk_never_changed();
CREATE TRIGGER risk_release_never_changed BEFORE UPDATE OR DELETE ON risk_release
    FOR EACH ROW EXECUTE FUNCTION risk_never_changed();
CREATE TRIGGER risk_binding_never_changed BEFORE UPDATE OR DELETE ON risk_binding
    FOR EACH ROW EXECUTE FUNCTION risk_never_changed();
"""

PULL_NEEDS_CONSENT = """
CREATE FUNCTION risk_pull_needs_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM users_require_live_consent(
        NEW.consent_id, NEW.user_id, NEW.recipient, coalesce(NEW.leased_until, NEW.created_at));
    RETURN NEW;
END $$;
CREATE TRIGGER risk_pull_needs_consent_on_insert BEFORE INSERT ON risk_datapull
    FOR EACH ROW EXECUTE FUNCTION risk_pull_needs_consent();
CREATE TRIGGER risk_pull_needs_consent_on_claim BEFORE UPDATE OF leased_until ON risk_datapull
    FOR EACH ROW WHEN (NEW.state = 'pending' AND NEW.leased_until IS NOT NULL)
    EXECUTE FUNCTION risk_pull_needs_consent();
"""


class Migration(migrations.Migration):
    dependencies = [("risk", "0001_initial"), ("users", "0002_triggers")]
    operations = [
        migrations.RunSQL(
            NEVER_CHANGED,
            "DROP TRIGGER risk_decision_never_changed ON risk_decision;"
            "DROP TRIGGER risk_release_never_changed ON risk_release;"
            "DROP TRIGGER risk_binding_never_changed ON risk_binding;"
            "DROP FUNCTION risk_never_changed()",
        ),
        migrations.RunSQL(
            PULL_NEEDS_CONSENT,
            "DROP TRIGGER risk_pull_needs_consent_on_insert ON risk_datapull;"
            "DROP TRIGGER risk_pull_needs_consent_on_claim ON risk_datapull;"
            "DROP FUNCTION risk_pull_needs_consent()",
        ),
    ]
