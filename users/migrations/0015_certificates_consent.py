"""A document is kept only under a live consent of its owner."""

from django.db import migrations

NEEDS_CONSENT = """
CREATE FUNCTION users_certificate_needs_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM users_require_live_consent(NEW.consent_id, NEW.user_id, 'platform', NEW.uploaded_at);
    RETURN NEW;
END $$;
CREATE TRIGGER users_certificate_needs_consent BEFORE INSERT ON users_certificate
    FOR EACH ROW EXECUTE FUNCTION users_certificate_needs_consent();
"""


class Migration(migrations.Migration):
    dependencies = [("users", "0014_certificates")]
    operations = [
        migrations.RunSQL(
            NEEDS_CONSENT,
            "DROP TRIGGER users_certificate_needs_consent ON users_certificate;"
            "DROP FUNCTION users_certificate_needs_consent()",
        ),
    ]
