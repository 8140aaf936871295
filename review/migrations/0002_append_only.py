"""What a reviewer did is never edited: corrections are further actions."""

from django.db import migrations

APPEND_ONLY = """
CREATE FUNCTION review_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER review_caseaction_append_only BEFORE UPDATE OR DELETE ON review_caseaction
    FOR EACH ROW EXECUTE FUNCTION review_never_changed();
"""
UNDO = """
DROP TRIGGER review_caseaction_append_only ON review_caseaction;
DROP FUNCTION review_never_changed();
"""


class Migration(migrations.Migration):
    dependencies = [("review", "0001_initial")]
    operations = [migrations.RunSQL(APPEND_ONLY, UNDO)]
