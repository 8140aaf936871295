"""A call and an answer are written once: only what is still open may be filled in, and a value re-encrypted."""

from django.db import migrations

KEPT = """
CREATE FUNCTION review_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    open_columns text[] := TG_ARGV[1:];  -- may be filled in, once; TG_ARGV[0] is the encrypted column
    name text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION '% is kept', TG_TABLE_NAME USING ERRCODE = 'check_violation';
    END IF;
    IF to_jsonb(NEW) - TG_ARGV[0] - open_columns <> to_jsonb(OLD) - TG_ARGV[0] - open_columns THEN
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
UNDO = """
DROP TRIGGER review_phoneanswer_written_once ON review_phoneanswer;
DROP TRIGGER review_phoneattempt_written_once ON review_phoneattempt;
DROP FUNCTION review_written_once();
"""


class Migration(migrations.Migration):
    dependencies = [("review", "0006_telephone")]
    operations = [migrations.RunSQL(KEPT, UNDO)]
