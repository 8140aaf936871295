"""What reviewers did, wrote and asked stays as it was; corrections are further rows."""

from django.db import migrations

# Of a note its encryption alone may be renewed. The title of a file may become empty, when the person's account is
# erased.
NEVER_CHANGED = """
CREATE FUNCTION review_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER review_caseaction_append_only BEFORE UPDATE OR DELETE ON review_caseaction
    FOR EACH ROW EXECUTE FUNCTION review_never_changed();
CREATE TRIGGER review_casenote_append_only BEFORE DELETE OR UPDATE OF id, case_id, "by", "at", seal ON review_casenote
    FOR EACH ROW EXECUTE FUNCTION review_never_changed();
CREATE TRIGGER review_attachment_append_only
    BEFORE DELETE OR UPDATE OF id, case_id, kind, file, sha256, size, "by", "at" ON review_attachment
    FOR EACH ROW EXECUTE FUNCTION review_never_changed();
CREATE TRIGGER review_attachment_title_written_once BEFORE UPDATE OF title ON review_attachment
    FOR EACH ROW WHEN (NEW.title IS DISTINCT FROM OLD.title AND NEW.title <> '')
    EXECUTE FUNCTION review_never_changed();
"""

# Only what is still open may be filled in, and a value re-encrypted. A called number may become empty, when its owner
# has the account erased.
WRITTEN_ONCE = """
CREATE FUNCTION review_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    open_columns text[] := TG_ARGV[1:];  -- may be filled in, once; TG_ARGV[0] is the encrypted column
    erased text[] := ARRAY(
        SELECT field FROM unnest(ARRAY['number_index', 'number_masked']) AS field WHERE to_jsonb(NEW) ->> field = '');
    name text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION '% is kept', TG_TABLE_NAME USING ERRCODE = 'check_violation';
    END IF;
    IF to_jsonb(NEW) - TG_ARGV[0] - open_columns - erased <> to_jsonb(OLD) - TG_ARGV[0] - open_columns - erased THEN
        RAISE EXCEPTION '% is written once', TG_TABLE_NAME USING ERRCODE = 'check_violation';
    END IF;
    FOREACH name IN ARRAY open_columns LOOP
        IF coalesce(to_jsonb(OLD) ->> name, '') <> '' AND to_jsonb(NEW) ->> name IS DISTINCT FROM to_jsonb(OLD) ->> name
        THEN
            RAISE EXCEPTION '% of % is written once', name, TG_TABLE_NAME USING ERRCODE = 'check_violation';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;
CREATE TRIGGER review_phoneattempt_written_once BEFORE UPDATE OR DELETE ON review_phoneattempt
    FOR EACH ROW EXECUTE FUNCTION review_written_once('number', 'result', 'result_at');
CREATE TRIGGER review_phoneanswer_written_once BEFORE UPDATE OR DELETE ON review_phoneanswer
    FOR EACH ROW EXECUTE FUNCTION review_written_once('answer', 'replaced_at');
"""

# The old stays: cells of a version that is in force or was, and what was decided about one, never change.
AUTHORITY_STANDS = """
CREATE FUNCTION review_authority_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM review_authorityversion WHERE number = OLD.version AND state <> 'draft') THEN
        RAISE EXCEPTION 'authority v% was decided', OLD.version USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER review_authorityrule_stands BEFORE UPDATE OR DELETE ON review_authorityrule
    FOR EACH ROW EXECUTE FUNCTION review_authority_stands();
CREATE TRIGGER review_authorityversion_stands BEFORE UPDATE OR DELETE ON review_authorityversion
    FOR EACH ROW WHEN (OLD.state <> 'draft') EXECUTE FUNCTION review_never_changed();
"""


class Migration(migrations.Migration):
    replaces = [("review", "0019_numbers_may_be_erased")]
    dependencies = [("review", "0022_quality_tables"), ("lending", "0013_triggers")]
    operations = [
        migrations.RunSQL(NEVER_CHANGED, "DROP FUNCTION review_never_changed() CASCADE"),
        migrations.RunSQL(WRITTEN_ONCE, "DROP FUNCTION review_written_once() CASCADE"),
        migrations.RunSQL(
            AUTHORITY_STANDS,
            "DROP FUNCTION review_authority_stands() CASCADE;"
            "DROP TRIGGER review_authorityversion_stands ON review_authorityversion",
        ),
    ]
