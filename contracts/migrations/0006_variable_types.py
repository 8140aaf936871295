"""Two more types of a template's variables: said where they are entered."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contracts", "0005_addresses_only_encrypted")]

    operations = [
        migrations.AlterField(
            "template",
            "variables",
            models.JSONField(
                help_text="{name: text | money | rate | count | date | instant | flag | plan}; "
                "with ? behind it: optional"
            ),
        ),
    ]
