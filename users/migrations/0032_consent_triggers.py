"""What no constraint can say: data leaves, and what a borrower brings is kept, only under a live consent."""

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

CHECK = """
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

DEVICE = """
CREATE FUNCTION users_device_needs_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM users_require_live_consent(NEW.consent_id, NEW.user_id, 'platform', NEW.last_seen_at);
    RETURN NEW;
END $$;
CREATE TRIGGER users_device_needs_consent BEFORE INSERT OR UPDATE OF last_seen_at, consent_id ON users_device
    FOR EACH ROW EXECUTE FUNCTION users_device_needs_consent();
"""

CERTIFICATE = """
CREATE FUNCTION users_certificate_needs_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM users_require_live_consent(NEW.consent_id, NEW.user_id, 'platform', NEW.uploaded_at);
    RETURN NEW;
END $$;
CREATE TRIGGER users_certificate_needs_consent BEFORE INSERT ON users_certificate
    FOR EACH ROW EXECUTE FUNCTION users_certificate_needs_consent();
"""

# What borrowers' phones send is kept under the market's rows and a consent of its kind.
COLLECTED = """
CREATE FUNCTION users_collected_needs_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM users_require_live_consent(NEW.consent_id, NEW.user_id, 'platform', NEW.received_at);
    IF NOT EXISTS (SELECT 1 FROM users_consent c WHERE c.id = NEW.consent_id AND c.code = NEW.kind) THEN
        RAISE EXCEPTION 'consent_not_live: consent % is not for %', NEW.consent_id, NEW.kind
            USING ERRCODE = 'check_violation';
    ELSIF NOT EXISTS (SELECT 1 FROM users_collectionrule r
                      WHERE r.market = NEW.market AND r.kind = NEW.kind AND r.is_allowed) THEN
        RAISE EXCEPTION 'not_collected_here: % in %', NEW.kind, NEW.market USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER users_collected_needs_consent BEFORE INSERT OR UPDATE ON users_collectedfeatures
    FOR EACH ROW EXECUTE FUNCTION users_collected_needs_consent();
"""

# A phone operator's report is read only while the number's holder lets it be, at the carrier, under a live consent.
OPERATOR = """
CREATE FUNCTION users_operator_needs_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM users_require_live_consent(
        NEW.consent_id, NEW.user_id, NEW.recipient, coalesce(NEW.leased_until, NEW.authorised_at, NEW.created_at));
    RETURN NEW;
END $$;
CREATE TRIGGER users_operator_needs_consent_on_insert BEFORE INSERT ON users_operatorauthorisation
    FOR EACH ROW EXECUTE FUNCTION users_operator_needs_consent();
CREATE TRIGGER users_operator_needs_consent_on_claim BEFORE UPDATE OF leased_until ON users_operatorauthorisation
    FOR EACH ROW WHEN (NEW.leased_until IS NOT NULL) EXECUTE FUNCTION users_operator_needs_consent();
CREATE TRIGGER users_operator_needs_consent_to_be_live BEFORE UPDATE OF state ON users_operatorauthorisation
    FOR EACH ROW WHEN (NEW.state = 'authorised') EXECUTE FUNCTION users_operator_needs_consent();
"""


class Migration(migrations.Migration):
    replaces = [("users", "0026_configuration_changes")]
    dependencies = [("users", "0031_borrower_tables")]
    operations = [
        migrations.RunSQL(
            REQUIRE_LIVE_CONSENT,
            "DROP FUNCTION users_require_live_consent(bigint, bigint, text, timestamptz)",
        ),
        migrations.RunSQL(CHECK, "DROP FUNCTION users_check_needs_consent() CASCADE"),
        migrations.RunSQL(DEVICE, "DROP FUNCTION users_device_needs_consent() CASCADE"),
        migrations.RunSQL(CERTIFICATE, "DROP FUNCTION users_certificate_needs_consent() CASCADE"),
        migrations.RunSQL(COLLECTED, "DROP FUNCTION users_collected_needs_consent() CASCADE"),
        migrations.RunSQL(OPERATOR, "DROP FUNCTION users_operator_needs_consent() CASCADE"),
    ]
