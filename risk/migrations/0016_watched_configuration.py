from django.db import migrations

from lending.common.remembered import watch


class Migration(migrations.Migration):

    dependencies = [
        ('risk', '0015_inputs_may_be_forgotten'),
        ('users', '0026_configuration_changes'),
    ]

    operations = [
        watch('risk_scenario', 'risk_variable', 'risk_binding', 'risk_experiment'),
    ]
