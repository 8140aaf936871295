"""A file put to a case stays as it was put there; its title may become empty, when the person's account is erased."""

from django.db import migrations

TITLE = """
DROP TRIGGER review_attachment_append_only ON review_attachment;
CREATE TRIGGER review_attachment_append_only
    BEFORE DELETE OR UPDATE OF id, case_id, kind, file, sha256, size, "by", "at" ON review_attachment
    FOR EACH ROW EXECUTE FUNCTION review_never_changed();
CREATE TRIGGER review_attachment_title_written_once BEFORE UPDATE OF title ON review_attachment
    FOR EACH ROW WHEN (NEW.title IS DISTINCT FROM OLD.title AND NEW.title <> '')
    EXECUTE FUNCTION review_never_changed();
"""
BEFORE = """
DROP TRIGGER review_attachment_title_written_once ON review_attachment;
DROP TRIGGER review_attachment_append_only ON review_attachment;
CREATE TRIGGER review_attachment_append_only BEFORE UPDATE OR DELETE ON review_attachment
    FOR EACH ROW EXECUTE FUNCTION review_never_changed();
"""


class Migration(migrations.Migration):
    dependencies = [("review", "0019_numbers_may_be_erased")]
    operations = [migrations.RunSQL(TITLE, BEFORE)]
