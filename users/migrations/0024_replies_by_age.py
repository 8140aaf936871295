"""Replies of checks that are still kept, by age: what the hourly deletion reads."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0023_kept_years_end")]
    operations = [
        migrations.AddIndex(
            "check",
            models.Index(
                fields=["checked_at"], condition=models.Q(reply__isnull=False), name="users_check_with_reply"
            ),
        ),
    ]
