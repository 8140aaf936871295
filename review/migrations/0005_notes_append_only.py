"""Notes and files stay as they were written; of a note its encryption alone may be renewed."""

from django.db import migrations

APPEND_ONLY = """
CREATE TRIGGER review_casenote_append_only BEFORE DELETE OR UPDATE OF id, case_id, "by", "at", seal ON review_casenote
    FOR EACH ROW EXECUTE FUNCTION review_never_changed();
CREATE TRIGGER review_attachment_append_only BEFORE UPDATE OR DELETE ON review_attachment
    FOR EACH ROW EXECUTE FUNCTION review_never_changed();
"""
UNDO = """
DROP TRIGGER review_casenote_append_only ON review_casenote;
DROP TRIGGER review_attachment_append_only ON review_attachment;
"""


class Migration(migrations.Migration):
    dependencies = [("review", "0004_notes_and_files")]
    operations = [migrations.RunSQL(APPEND_ONLY, UNDO)]
