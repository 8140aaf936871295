"""The register of sources as staff keep it, its history, and outage drills."""

import django.db.models.deletion
from django.db import migrations, models


APPEND_ONLY = """
CREATE TRIGGER users_amendment_append_only BEFORE UPDATE OR DELETE ON users_amendment
    FOR EACH ROW EXECUTE FUNCTION users_never_changed();
"""

FRESHNESS_KNOWN = """
ALTER TABLE users_source ADD CONSTRAINT users_source_freshness_known CHECK (
    jsonb_typeof(freshness) = 'object'
    AND freshness - '{admission,identity,antifraud,credit,drawdown,card,message}'::text[] = '{}'::jsonb
    AND NOT jsonb_path_exists(
        freshness, '$.* ? (@.type() != "null" && (@.type() != "number" || @ < 0 || @ > 3650 || @ != @.floor()))')
);
"""

# At commit, so that a source and its fallback may be moved to another consent together. The lock makes two who change
# the register at once see each other's rows: half a circle each is a circle.
SOURCE_FITS = """
CREATE FUNCTION users_source_fits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('users_source_fits'));
    IF EXISTS (
        SELECT FROM users_source s JOIN users_source f ON f.id = s.fallback_id
        WHERE NEW.id IN (s.id, f.id) AND (s.consent_code, s.recipient) <> (f.consent_code, f.recipient)
    ) THEN
        RAISE EXCEPTION 'source_other_consent: % and its fallback differ', NEW.code USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        WITH RECURSIVE way(id) AS (
            SELECT fallback_id FROM users_source WHERE id = NEW.id
            UNION
            SELECT s.fallback_id FROM way JOIN users_source s ON s.id = way.id
        )
        SELECT FROM way WHERE id = NEW.id
    ) THEN
        RAISE EXCEPTION 'source_fallback_loops: % leads back to itself', NEW.code USING ERRCODE = 'check_violation';
    END IF;
    IF (SELECT count(DISTINCT currency) FROM users_source WHERE enabled) > 1 THEN
        RAISE EXCEPTION 'source_other_currency: % is not paid as the others', NEW.code
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER users_source_fits
    AFTER INSERT OR UPDATE OF fallback_id, consent_code, recipient, currency, enabled ON users_source
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION users_source_fits();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0009_list_entry_source'),
    ]

    operations = [
        migrations.CreateModel(
            name='Amendment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject', models.CharField(help_text='For example source:bureau', max_length=80)),
                ('field', models.CharField(max_length=40)),
                ('before', models.CharField(blank=True, max_length=300)),
                ('after', models.CharField(blank=True, max_length=300)),
                ('by', models.CharField(max_length=40)),
                ('reason', models.CharField(max_length=300)),
                ('at', models.DateTimeField()),
            ],
            options={
                'verbose_name': 'change of a register',
                'verbose_name_plural': 'changes of registers',
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='Drill',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('mode', models.CharField(choices=[('dead', 'Dead: nobody is reached'), ('slow', 'Slow: no answer within the time limit'), ('wrong', 'Wrong: an answer that cannot be read')], max_length=8)),
                ('reason', models.CharField(max_length=300)),
                ('started_by', models.CharField(max_length=40)),
                ('started_at', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('ended_by', models.CharField(blank=True, max_length=40)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ('-id',),
                'permissions': (('run_drill', 'Can make a source seem dead, slow or wrong'),),
            },
        ),
        migrations.AlterModelOptions(
            name='source',
            options={'ordering': ('stage', 'code'), 'permissions': (('connect_source', 'Can set where a source is reached and with what credentials'),)},
        ),
        migrations.RemoveConstraint(
            model_name='source',
            name='users_source_timeout_positive',
        ),
        migrations.AddField(
            model_name='source',
            name='currency',
            field=models.CharField(default='CNY', max_length=3),
        ),
        migrations.AddField(
            model_name='source',
            name='freshness',
            field=models.JSONField(blank=True, default=dict, help_text='Where a scenario takes an older or only a younger answer: its days; null: asked once, always keeps', verbose_name='by scenario'),
        ),
        migrations.AddField(
            model_name='source',
            name='max_parallel',
            field=models.PositiveSmallIntegerField(default=50, help_text='Calls to it at the same time, of one process', verbose_name='at the same time'),
        ),
        migrations.AddField(
            model_name='source',
            name='pause_ms',
            field=models.PositiveIntegerField(default=200, help_text='Before the first repeat; then longer', verbose_name='pause, ms'),
        ),
        migrations.AddField(
            model_name='source',
            name='product',
            field=models.CharField(default='', help_text='What the vendor calls what we buy', max_length=80),
        ),
        migrations.AddField(
            model_name='source',
            name='retention_days',
            field=models.PositiveSmallIntegerField(default=365, help_text='How long the raw answer is kept'),
        ),
        migrations.AddField(
            model_name='source',
            name='retries',
            field=models.PositiveSmallIntegerField(default=2, help_text='How often a call that certainly did nothing is made again'),
        ),
        migrations.AddField(
            model_name='source',
            name='vendor',
            field=models.CharField(default='', help_text='The company that is paid; spend is summed by it', max_length=40),
        ),
        migrations.AlterField(
            model_name='source',
            name='consent_code',
            field=models.CharField(max_length=32, verbose_name='consent'),
        ),
        migrations.AlterField(
            model_name='source',
            name='dead',
            field=models.CharField(choices=[('stop', 'Stop'), ('refer', 'Refer to a person'), ('unknown', 'Go on without it')], help_text='And its fallback gives no answer either', max_length=8, verbose_name='when it is silent'),
        ),
        migrations.AlterField(
            model_name='source',
            name='enabled',
            field=models.BooleanField(default=True, verbose_name='switched on'),
        ),
        migrations.AlterField(
            model_name='source',
            name='fresh_days',
            field=models.PositiveSmallIntegerField(help_text='How long an answer keeps; 0: always pulled anew'),
        ),
        migrations.AlterField(
            model_name='source',
            name='name_en',
            field=models.CharField(max_length=80, verbose_name='name'),
        ),
        migrations.AlterField(
            model_name='source',
            name='name_zh',
            field=models.CharField(max_length=80, verbose_name='name in Chinese'),
        ),
        migrations.AlterField(
            model_name='source',
            name='scenario',
            field=models.CharField(choices=[('admission', 'Admission'), ('identity', 'Identity check'), ('antifraud', 'Anti-fraud'), ('credit', 'Credit'), ('drawdown', 'Drawdown'), ('card', 'Card check'), ('message', 'Messages')], max_length=16),
        ),
        migrations.AlterField(
            model_name='source',
            name='timeout_ms',
            field=models.PositiveIntegerField(help_text='For one call, all of it; at most 30,000', verbose_name='time limit, ms'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.CheckConstraint(condition=models.Q(('dead__in', ['stop', 'refer', 'unknown'])), name='users_source_dead_known'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.CheckConstraint(condition=models.Q(('currency__regex', '^[A-Z]{3}$')), name='users_source_currency_is_a_code'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.CheckConstraint(condition=models.Q(('timeout_ms__gte', 1), ('timeout_ms__lte', 30000)), name='users_source_timeout_ms_bounds'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.CheckConstraint(condition=models.Q(('retries__gte', 0), ('retries__lte', 5)), name='users_source_retries_bounds'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.CheckConstraint(condition=models.Q(('pause_ms__gte', 0), ('pause_ms__lte', 10000)), name='users_source_pause_ms_bounds'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.CheckConstraint(condition=models.Q(('max_parallel__gte', 1), ('max_parallel__lte', 500)), name='users_source_max_parallel_bounds'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.CheckConstraint(condition=models.Q(('fresh_days__gte', 0), ('fresh_days__lte', 3650)), name='users_source_fresh_days_bounds'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.CheckConstraint(condition=models.Q(('retention_days__gte', 1), ('retention_days__lte', 3650)), name='users_source_retention_days_bounds'),
        ),
        migrations.AddIndex(
            model_name='amendment',
            index=models.Index(fields=['subject', 'field', '-id'], name='users_amendment_subject'),
        ),
        migrations.AddConstraint(
            model_name='amendment',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='users_amendment_has_reason'),
        ),
        migrations.AddField(
            model_name='drill',
            name='source',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='drills', to='users.source'),
        ),
        migrations.AddConstraint(
            model_name='drill',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('source',), name='users_drill_one_open_a_source'),
        ),
        migrations.AddConstraint(
            model_name='drill',
            constraint=models.CheckConstraint(condition=models.Q(('mode__in', ['dead', 'slow', 'wrong'])), name='users_drill_mode_known'),
        ),
        migrations.AddConstraint(
            model_name='drill',
            constraint=models.CheckConstraint(condition=models.Q(('until__gt', models.F('started_at'))), name='users_drill_ends_later'),
        ),
        migrations.AddConstraint(
            model_name='drill',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='users_drill_has_reason'),
        ),
        migrations.AddConstraint(
            model_name='drill',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('ended_by', '')), models.Q(('ended_at__isnull', False), models.Q(('ended_by', ''), _negated=True)), _connector='OR'), name='users_drill_ended_by'),
        ),
        migrations.RunSQL(APPEND_ONLY, "DROP TRIGGER users_amendment_append_only ON users_amendment"),
        migrations.RunSQL(FRESHNESS_KNOWN, "ALTER TABLE users_source DROP CONSTRAINT users_source_freshness_known"),
        migrations.RunSQL(
            SOURCE_FITS, "DROP TRIGGER users_source_fits ON users_source; DROP FUNCTION users_source_fits()"
        ),
    ]
