"""Outstanding, borrower and guarantor are caps that are held, not only read; shares of a month by channel and place."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('funding', '0005_replies_may_be_erased'),
        ('lending', '0009_watched_configuration'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='HeadroomBorrower',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cap_cents', models.BigIntegerField()),
                ('reserved_cents', models.BigIntegerField(default=0)),
                ('committed_cents', models.BigIntegerField(default=0)),
            ],
            options={
                'verbose_name': 'outstanding of a borrower',
                'verbose_name_plural': 'outstanding by borrower',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='HeadroomGuarantor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cap_cents', models.BigIntegerField()),
                ('reserved_cents', models.BigIntegerField(default=0)),
                ('committed_cents', models.BigIntegerField(default=0)),
            ],
            options={
                'verbose_name': 'balance of a guarantor',
                'verbose_name_plural': 'balance by guarantor',
                'ordering': ['guarantor'],
            },
        ),
        migrations.CreateModel(
            name='HeadroomTotal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cap_cents', models.BigIntegerField()),
                ('reserved_cents', models.BigIntegerField(default=0)),
                ('committed_cents', models.BigIntegerField(default=0)),
            ],
            options={
                'verbose_name': 'outstanding of a programme',
                'verbose_name_plural': 'outstanding by programme',
                'ordering': ['programme'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='reservation',
            name='reservation_refers_back',
        ),
        migrations.AddField(
            model_name='funder',
            name='channel_share_max',
            field=models.DecimalField(blank=True, decimal_places=4, max_digits=5, null=True),
        ),
        migrations.AddField(
            model_name='funder',
            name='channels_exempt',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), blank=True, default=list, size=None),
        ),
        migrations.AddField(
            model_name='funder',
            name='province_share_max',
            field=models.DecimalField(blank=True, decimal_places=4, max_digits=5, null=True),
        ),
        migrations.AddField(
            model_name='funder',
            name='shares_from_cents',
            field=models.BigIntegerField(default=0, help_text='Shares are looked at above this much in a month'),
        ),
        migrations.AddField(
            model_name='reservation',
            name='guarantor',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='funding.guarantor'),
        ),
        migrations.AlterField(
            model_name='reservation',
            name='kind',
            field=models.CharField(choices=[('reserve', '占用 Reserved'), ('release', '释放 Released'), ('commit', '放款 Committed'), ('return', '退票 Returned'), ('repay', '还款 Repaid')], max_length=8),
        ),
        migrations.AddConstraint(
            model_name='funder',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('channel_share_max__isnull', True), models.Q(('channel_share_max__gt', 0), ('channel_share_max__lte', 1)), _connector='OR'), models.Q(('province_share_max__isnull', True), models.Q(('province_share_max__gt', 0), ('province_share_max__lte', 1)), _connector='OR')), name='funder_shares_are_fractions'),
        ),
        migrations.AddConstraint(
            model_name='reservation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'reserve'), ('reserve__isnull', True)), models.Q(('kind__in', ['release', 'commit', 'return', 'repay']), ('reserve__isnull', False)), _connector='OR'), name='reservation_refers_back'),
        ),
        migrations.AddField(
            model_name='headroomborrower',
            name='programme',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='funding.programme'),
        ),
        migrations.AddField(
            model_name='headroomborrower',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='headroomguarantor',
            name='guarantor',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='headroom', to='funding.guarantor'),
        ),
        migrations.AddField(
            model_name='headroomtotal',
            name='programme',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='headroom_total', to='funding.programme'),
        ),
        migrations.AddConstraint(
            model_name='headroomborrower',
            constraint=models.UniqueConstraint(fields=('programme', 'user'), name='one_headroom_per_borrower'),
        ),
        migrations.AddConstraint(
            model_name='headroomborrower',
            constraint=models.CheckConstraint(condition=models.Q(('cap_cents__gte', django.db.models.expressions.CombinedExpression(models.F('reserved_cents'), '+', models.F('committed_cents'))), ('committed_cents__gte', 0), ('reserved_cents__gte', 0)), name='borrower_within_their_cap'),
        ),
        migrations.AddConstraint(
            model_name='headroomguarantor',
            constraint=models.CheckConstraint(condition=models.Q(('cap_cents__gte', django.db.models.expressions.CombinedExpression(models.F('reserved_cents'), '+', models.F('committed_cents'))), ('committed_cents__gte', 0), ('reserved_cents__gte', 0)), name='guarantor_within_its_cap'),
        ),
        migrations.AddConstraint(
            model_name='headroomtotal',
            constraint=models.CheckConstraint(condition=models.Q(('cap_cents__gte', django.db.models.expressions.CombinedExpression(models.F('reserved_cents'), '+', models.F('committed_cents'))), ('committed_cents__gte', 0), ('reserved_cents__gte', 0)), name='total_within_its_cap'),
        ),
    ]
