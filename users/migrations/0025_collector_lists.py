"""Which version of the list of collectors' numbers is in use, and who brought it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0024_replies_by_age")]
    operations = [
        migrations.CreateModel(
            name="CollectorList",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField(unique=True)),
                ("numbers", models.PositiveIntegerField(help_text="How many it has")),
                ("before", models.PositiveIntegerField(help_text="How many the list had that it replaced")),
                ("by", models.CharField(max_length=40)),
                ("reason", models.CharField(max_length=300)),
                ("at", models.DateTimeField()),
            ],
            options={
                "ordering": ("-version",),
                "verbose_name": "list of collectors' numbers",
                "verbose_name_plural": "lists of collectors' numbers",
                "permissions": (("replace_collectors", "Can replace the list of collectors' numbers"),),
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("numbers__gte", 1)), name="users_collectorlist_has_some"),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="users_collectorlist_has_reason"
                    ),
                ],
            },
        ),
    ]
