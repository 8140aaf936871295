"""A called number stays as it was written, until its owner has the account erased: it may become empty, nothing else."""

from django.db import migrations

WRITTEN_ONCE = """
CREATE OR REPLACE FUNCTION review_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    open_columns text[] := TG_ARGV[1:];  -- may be filled in, once; TG_ARGV[0] is the encrypted column
    erased text[] := ARRAY(
        SELECT field FROM unnest({erasable}) AS field WHERE to_jsonb(NEW) ->> field = '');
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
"""
ERASABLE = WRITTEN_ONCE.replace("{erasable}", "ARRAY['number_index', 'number_masked']")
NOTHING = WRITTEN_ONCE.replace("{erasable}", "ARRAY[]::text[]")


class Migration(migrations.Migration):
    dependencies = [("review", "0018_batch_changes")]
    operations = [migrations.RunSQL(ERASABLE, NOTHING)]
