"""What a guarantor paid, as it was."""

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models


APPEND_ONLY = """
CREATE FUNCTION funding_claim_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'funding_claim is append-only' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER funding_claim_append_only BEFORE UPDATE OR DELETE ON funding_claim
    FOR EACH ROW EXECUTE FUNCTION funding_claim_never_changed();
CREATE TRIGGER funding_claim_never_emptied BEFORE TRUNCATE ON funding_claim
    FOR EACH STATEMENT EXECUTE FUNCTION funding_claim_never_changed()
"""


class Migration(migrations.Migration):

    dependencies = [
        ('funding', '0009_desk'),
        ('lending', '0010_guarantee_in_the_price'),
    ]

    operations = [
        migrations.CreateModel(
            name='Claim',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('creditor', models.CharField(max_length=20)),
                ('dpd', models.PositiveSmallIntegerField()),
                ('principal_cents', models.BigIntegerField()),
                ('interest_cents', models.BigIntegerField()),
                ('guarantee_fee_cents', models.BigIntegerField()),
                ('penalty_cents', models.BigIntegerField()),
                ('amount_cents', models.BigIntegerField()),
                ('business_date', models.DateField()),
                ('at', models.DateTimeField()),
                ('guarantor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='claims', to='funding.guarantor')),
                ('loan', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='lending.loan')),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount_cents', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('principal_cents'), '+', models.F('interest_cents')), '+', models.F('guarantee_fee_cents')), '+', models.F('penalty_cents'))), ('amount_cents__gt', 0)), name='claim_parts_sum')],
            },
        ),
        migrations.RunSQL(
            APPEND_ONLY,
            "DROP TRIGGER funding_claim_never_emptied ON funding_claim;"
            "DROP TRIGGER funding_claim_append_only ON funding_claim; DROP FUNCTION funding_claim_never_changed()",
        ),
    ]
