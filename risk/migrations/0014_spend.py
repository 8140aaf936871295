from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('risk', '0013_pull_payloads'),
    ]

    operations = [
        migrations.CreateModel(
            name='Budget',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('day', 'All data of a business day'), ('application', 'An application, on average of seven days'), ('funded', 'A funded loan: all data of thirty days over the loans paid out')], max_length=12, unique=True)),
                ('limit_cents', models.PositiveIntegerField()),
                ('alarm_percent', models.PositiveSmallIntegerField(help_text='Of the limit, at which an alarm is raised')),
                ('told_on', models.DateField(blank=True, null=True)),
                ('told_percent', models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                'verbose_name': 'budget for data',
                'verbose_name_plural': 'budgets for data',
                'ordering': ('id',),
            },
        ),
        migrations.AddIndex(
            model_name='datapull',
            index=models.Index(fields=['settled_at'], name='risk_pull_settled'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['day', 'application', 'funded'])), name='risk_budget_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(condition=models.Q(('limit_cents__gt', 0)), name='risk_budget_limit_positive'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(condition=models.Q(('alarm_percent__gte', 1), ('alarm_percent__lte', 200)), name='risk_budget_alarm_bounds'),
        ),
    ]
