from django.db import migrations

from lending.common.remembered import watch


class Migration(migrations.Migration):

    dependencies = [
        ('lending', '0008_upload_needs_consent'),
        ('users', '0026_configuration_changes'),
    ]

    operations = [
        watch('lending_product'),
    ]
