"""Configuration notes its changes (`lending.common.remembered`), and the register of sources fits together."""

from django.db import migrations

from lending.common.remembered import watch

# The newest 500 are kept; a lock that somebody else holds on an old one is no reason to wait.
NOTE = """
CREATE TABLE configuration_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    changed text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE FUNCTION note_configuration_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE newest bigint;
BEGIN
    INSERT INTO configuration_change (changed) VALUES (TG_TABLE_NAME) RETURNING id INTO newest;
    DELETE FROM configuration_change WHERE id IN (
        SELECT id FROM configuration_change WHERE id <= newest - 500 FOR UPDATE SKIP LOCKED
    );
    RETURN NULL;
END $$;
"""

FRESHNESS_KNOWN = """
ALTER TABLE users_source ADD CONSTRAINT users_source_freshness_known CHECK (
    jsonb_typeof(freshness) = 'object'
    AND freshness - '{admission,identity,antifraud,credit,drawdown,card,message}'::text[] = '{}'::jsonb
    AND NOT jsonb_path_exists(
        freshness, '$.* ? (@.type() != "null" && (@.type() != "number" || @ < 0 || @ > 3650 || @ != @.floor()))')
);
"""

# At commit, so that a source and its fallback may be moved to another consent together. The lock makes two who change
# the register at once see each other's rows: half a circle each is a circle.
SOURCE_FITS = """
CREATE FUNCTION users_source_fits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('users_source_fits'));
    IF EXISTS (
        SELECT FROM users_source s JOIN users_source f ON f.id = s.fallback_id
        WHERE NEW.id IN (s.id, f.id) AND (s.consent_code, s.recipient) <> (f.consent_code, f.recipient)
    ) THEN
        RAISE EXCEPTION 'source_other_consent: % and its fallback differ', NEW.code USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        WITH RECURSIVE way(id) AS (
            SELECT fallback_id FROM users_source WHERE id = NEW.id
            UNION
            SELECT s.fallback_id FROM way JOIN users_source s ON s.id = way.id
        )
        SELECT FROM way WHERE id = NEW.id
    ) THEN
        RAISE EXCEPTION 'source_fallback_loops: % leads back to itself', NEW.code USING ERRCODE = 'check_violation';
    END IF;
    IF (SELECT count(DISTINCT currency) FROM users_source WHERE enabled) > 1 THEN
        RAISE EXCEPTION 'source_other_currency: % is not paid as the others', NEW.code
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER users_source_fits
    AFTER INSERT OR UPDATE OF fallback_id, consent_code, recipient, currency, enabled ON users_source
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION users_source_fits();
"""


class Migration(migrations.Migration):
    replaces = [("users", "0028_face_reviews")]
    dependencies = [("users", "0033_append_only_triggers")]
    operations = [
        migrations.RunSQL(NOTE, "DROP FUNCTION note_configuration_change(); DROP TABLE configuration_change"),
        watch("users_source", "users_drill", "users_level", "users_document", "users_collectionrule"),
        migrations.RunSQL(
            FRESHNESS_KNOWN, "ALTER TABLE users_source DROP CONSTRAINT users_source_freshness_known"
        ),
        migrations.RunSQL(SOURCE_FITS, "DROP FUNCTION users_source_fits() CASCADE"),
    ]
