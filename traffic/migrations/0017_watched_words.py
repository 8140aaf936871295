from django.db import migrations

from lending.common.remembered import watch


class Migration(migrations.Migration):
    dependencies = [('traffic', '0016_platform_payments'), ('users', '0026_configuration_changes')]

    operations = [watch('traffic_partnerstatus')]
