"""Nobody empties what was frozen by TRUNCATE, which a row's trigger does not see."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("traffic", "0007_joint_login")]

    operations = [
        migrations.RunSQL(
            sql="CREATE TRIGGER attribution_never_emptied BEFORE TRUNCATE ON traffic_attribution"
            " FOR EACH STATEMENT EXECUTE FUNCTION lending_append_only()",
            reverse_sql="DROP TRIGGER attribution_never_emptied ON traffic_attribution",
        )
    ]
