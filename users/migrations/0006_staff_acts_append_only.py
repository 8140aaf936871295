"""What staff did is never edited."""

from django.db import migrations

APPEND_ONLY = """
CREATE TRIGGER users_staffact_append_only BEFORE UPDATE OR DELETE ON users_staffact
    FOR EACH ROW EXECUTE FUNCTION users_never_changed();
"""


class Migration(migrations.Migration):
    dependencies = [("users", "0005_staff_acts")]
    operations = [migrations.RunSQL(APPEND_ONLY, "DROP TRIGGER users_staffact_append_only ON users_staffact")]
