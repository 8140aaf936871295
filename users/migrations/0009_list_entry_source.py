from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0008_velocity_indexes'),
    ]

    operations = [
        migrations.AddField(
            model_name='listentry',
            name='source',
            field=models.CharField(choices=[('manual', 'A member of staff'), ('fraud_desk', 'Fraud desk'), ('court', 'Court'), ('regulator', 'Regulator or police'), ('partner', 'Partner or funder'), ('borrower', 'The owner')], default='manual', help_text='Who says so', max_length=12),
        ),
        migrations.AddConstraint(
            model_name='listentry',
            constraint=models.CheckConstraint(condition=models.Q(('source__in', ['manual', 'fraud_desk', 'court', 'regulator', 'partner', 'borrower'])), name='users_listentry_source_known'),
        ),
    ]
