"""A device is kept only under a live consent; what must never be edited cannot be emptied either."""

from django.db import migrations

DEVICE_NEEDS_CONSENT = """
CREATE FUNCTION users_device_needs_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM users_require_live_consent(NEW.consent_id, NEW.user_id, 'platform', NEW.last_seen_at);
    RETURN NEW;
END $$;
CREATE TRIGGER users_device_needs_consent BEFORE INSERT OR UPDATE OF last_seen_at, consent_id ON users_device
    FOR EACH ROW EXECUTE FUNCTION users_device_needs_consent();
"""

# A row trigger does not see TRUNCATE. Tests empty their own database, and say so in their connection.
NEVER_EMPTIED = """
CREATE FUNCTION users_never_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('lending.may_truncate', true), '') <> 'on' THEN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER users_accesslog_never_emptied BEFORE TRUNCATE ON users_accesslog
    FOR EACH STATEMENT EXECUTE FUNCTION users_never_emptied();
CREATE TRIGGER users_staffact_never_emptied BEFORE TRUNCATE ON users_staffact
    FOR EACH STATEMENT EXECUTE FUNCTION users_never_emptied();
CREATE TRIGGER users_consent_never_emptied BEFORE TRUNCATE ON users_consent
    FOR EACH STATEMENT EXECUTE FUNCTION users_never_emptied();
CREATE TRIGGER users_document_never_emptied BEFORE TRUNCATE ON users_document
    FOR EACH STATEMENT EXECUTE FUNCTION users_never_emptied();
"""


class Migration(migrations.Migration):
    dependencies = [("users", "0010_source_register")]
    operations = [
        migrations.RunSQL(
            DEVICE_NEEDS_CONSENT,
            "DROP TRIGGER users_device_needs_consent ON users_device; DROP FUNCTION users_device_needs_consent()",
        ),
        migrations.RunSQL(
            NEVER_EMPTIED,
            "DROP TRIGGER users_accesslog_never_emptied ON users_accesslog;"
            "DROP TRIGGER users_staffact_never_emptied ON users_staffact;"
            "DROP TRIGGER users_consent_never_emptied ON users_consent;"
            "DROP TRIGGER users_document_never_emptied ON users_document;"
            "DROP FUNCTION users_never_emptied()",
        ),
    ]
