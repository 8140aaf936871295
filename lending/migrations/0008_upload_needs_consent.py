"""A file of a borrower is kept only under a live agreement of the account."""

from django.db import migrations

# FOR SHARE makes a withdrawal wait for the upload's commit, or the upload see the withdrawal.
NEEDS_CONSENT = """
CREATE FUNCTION lending_upload_needs_consent() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owner bigint;
BEGIN
    SELECT a.user_id INTO owner FROM lending_supplement s JOIN lending_application a ON a.id = s.application_id
        WHERE s.id = NEW.supplement_id;
    PERFORM FROM users_consent c
        WHERE c.user_id = owner AND c.code = 'service' AND c.withdrawn_at IS NULL AND 'platform' = ANY (c.recipients)
        FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'consent_not_live: user % has no live service agreement', owner
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER lending_upload_needs_consent BEFORE INSERT OR UPDATE OF file ON lending_supplementitem
    FOR EACH ROW WHEN (NEW.file <> '') EXECUTE FUNCTION lending_upload_needs_consent();
"""


class Migration(migrations.Migration):
    dependencies = [("lending", "0007_applicants_by_time"), ("users", "0002_triggers")]
    operations = [
        migrations.RunSQL(
            NEEDS_CONSENT,
            "DROP TRIGGER lending_upload_needs_consent ON lending_supplementitem;"
            "DROP FUNCTION lending_upload_needs_consent()",
        )
    ]
