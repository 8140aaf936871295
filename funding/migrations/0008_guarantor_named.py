"""Data goes to the guarantor too: both consents name it, at insert and at claim."""

from django.db import migrations

NEEDS_CONSENT = """
CREATE OR REPLACE FUNCTION funding_allocation_needs_consent() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := coalesce(NEW.leased_until, NEW.created_at);
    guarantor text := (SELECT guarantor_id FROM funding_reservation WHERE id = NEW.reservation_id);
BEGIN
    PERFORM users_require_live_consent(NEW.consent_id, NEW.user_id, NEW.recipient, at);
    PERFORM users_require_live_consent(NEW.bureau_consent_id, NEW.user_id, NEW.recipient, at);
    IF guarantor IS NOT NULL THEN
        PERFORM users_require_live_consent(NEW.consent_id, NEW.user_id, guarantor, at);
        PERFORM users_require_live_consent(NEW.bureau_consent_id, NEW.user_id, guarantor, at);
    END IF;
    RETURN NEW;
END $$
"""

NEEDED_CONSENT = """
CREATE OR REPLACE FUNCTION funding_allocation_needs_consent() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := coalesce(NEW.leased_until, NEW.created_at);
BEGIN
    PERFORM users_require_live_consent(NEW.consent_id, NEW.user_id, NEW.recipient, at);
    PERFORM users_require_live_consent(NEW.bureau_consent_id, NEW.user_id, NEW.recipient, at);
    RETURN NEW;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("funding", "0007_what_is_outstanding")]
    operations = [migrations.RunSQL(NEEDS_CONSENT, NEEDED_CONSENT)]
