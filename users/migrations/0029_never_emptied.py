"""Nobody empties what is append-only by TRUNCATE: tests delete rows and need no leave any more."""

from django.db import migrations

NEVER = """
CREATE OR REPLACE FUNCTION users_never_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;
"""
UNLESS_TOLD = """
CREATE OR REPLACE FUNCTION users_never_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('lending.may_truncate', true), '') <> 'on' THEN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("users", "0028_face_reviews")]
    operations = [migrations.RunSQL(NEVER, UNLESS_TOLD)]
