"""What no constraint can say: data leaves only under a live consent; the access log and consents are never edited."""

from django.db import migrations

# FOR SHARE makes a withdrawal wait for the sender's commit, or the sender see the withdrawal.
REQUIRE_LIVE_CONSENT = """
CREATE FUNCTION users_require_live_consent(consent_id bigint, user_id bigint, recipient text, at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    given users_consent%ROWTYPE;
BEGIN
    SELECT * INTO given FROM users_consent c WHERE c.id = consent_id FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'consent_not_live: consent % does not exist', consent_id USING ERRCODE = 'check_violation';
    ELSIF given.user_id <> users_require_live_consent.user_id THEN
        RAISE EXCEPTION 'consent_not_live: consent % is of another user', consent_id USING ERRCODE = 'check_violation';
    ELSIF given.withdrawn_at <= at THEN
        RAISE EXCEPTION 'consent_not_live: consent % is withdrawn', consent_id USING ERRCODE = 'check_violation';
    ELSIF NOT (recipient = ANY (given.recipients)) THEN
        RAISE EXCEPTION 'consent_not_live: consent % does not name %', consent_id, recipient
            USING ERRCODE = 'check_violation';
    END IF;
END $$;
"""

CHECK_NEEDS_CONSENT = """
CREATE FUNCTION users_check_needs_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM users_require_live_consent(
        NEW.consent_id, NEW.user_id, NEW.recipient, coalesce(NEW.leased_until, NEW.created_at));
    RETURN NEW;
END $$;
CREATE TRIGGER users_check_needs_consent_on_insert BEFORE INSERT ON users_check
    FOR EACH ROW EXECUTE FUNCTION users_check_needs_consent();
CREATE TRIGGER users_check_needs_consent_on_claim BEFORE UPDATE OF leased_until ON users_check
    FOR EACH ROW WHEN (NEW.state = 'pending' AND NEW.leased_until IS NOT NULL)
    EXECUTE FUNCTION users_check_needs_consent();
"""

NEVER_CHANGED = """
CREATE FUNCTION users_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER users_accesslog_append_only BEFORE UPDATE OR DELETE ON users_accesslog
    FOR EACH ROW EXECUTE FUNCTION users_never_changed();
CREATE TRIGGER users_consent_never_deleted BEFORE DELETE ON users_consent
    FOR EACH ROW EXECUTE FUNCTION users_never_changed();
CREATE TRIGGER users_document_never_changed BEFORE UPDATE OR DELETE ON users_document
    FOR EACH ROW EXECUTE FUNCTION users_never_changed();
"""

CONSENT_ONLY_WITHDRAWN = """
CREATE FUNCTION users_consent_only_withdrawn() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER users_consent_only_withdrawn BEFORE UPDATE ON users_consent
    FOR EACH ROW EXECUTE FUNCTION users_consent_only_withdrawn();
"""


class Migration(migrations.Migration):
    dependencies = [("users", "0001_initial")]
    operations = [
        migrations.RunSQL(
            REQUIRE_LIVE_CONSENT, "DROP FUNCTION users_require_live_consent(bigint, bigint, text, timestamptz)"
        ),
        migrations.RunSQL(
            CHECK_NEEDS_CONSENT,
            "DROP TRIGGER users_check_needs_consent_on_insert ON users_check;"
            "DROP TRIGGER users_check_needs_consent_on_claim ON users_check;"
            "DROP FUNCTION users_check_needs_consent()",
        ),
        migrations.RunSQL(
            NEVER_CHANGED,
            "DROP TRIGGER users_accesslog_append_only ON users_accesslog;"
            "DROP TRIGGER users_consent_never_deleted ON users_consent;"
            "DROP TRIGGER users_document_never_changed ON users_document;"
            "DROP FUNCTION users_never_changed()",
        ),
        migrations.RunSQL(
            CONSENT_ONLY_WITHDRAWN,
            "DROP TRIGGER users_consent_only_withdrawn ON users_consent; DROP FUNCTION users_consent_only_withdrawn()",
        ),
    ]
