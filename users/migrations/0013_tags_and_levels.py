"""Tags with names, reasons and ends; levels with the figures behind them, and every change of them kept."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


APPEND_ONLY = """
CREATE TRIGGER users_userlevelchange_append_only BEFORE UPDATE OR DELETE ON users_userlevelchange
    FOR EACH ROW EXECUTE FUNCTION users_never_changed();
"""
# The next day close writes down the figures of those who have a level already.
COUNT_AGAIN = "UPDATE users_userlevel SET review_at = since_at"


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0012_codes_for_rights'),
    ]

    operations = [
        migrations.CreateModel(
            name='TagKind',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=40, unique=True)),
                ('name_en', models.CharField(max_length=60)),
                ('name_zh', models.CharField(max_length=60)),
                ('days', models.PositiveSmallIntegerField(help_text='How long it stays on where a rule put it there')),
                ('by_hand', models.BooleanField(default=False, help_text='Staff may put it on')),
            ],
            options={
                'ordering': ('code',),
            },
        ),
        migrations.CreateModel(
            name='UserLevelChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('history', models.JSONField()),
                ('at', models.DateTimeField()),
            ],
            options={
                'ordering': ('-pk',),
            },
        ),
        migrations.AddField(
            model_name='tag',
            name='reason',
            field=models.CharField(blank=True, help_text='Why, where staff put it there', max_length=300),
        ),
        migrations.AddField(
            model_name='userlevel',
            name='history',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='userlevel',
            name='review_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='tag',
            name='source',
            field=models.CharField(help_text='What put it there: a decision and its rule (decision:17 velocity), or staff:5', max_length=80),
        ),
        migrations.AddIndex(
            model_name='userlevel',
            index=models.Index(condition=models.Q(('review_at__isnull', False)), fields=['review_at'], name='users_userlevel_to_review'),
        ),
        migrations.AddConstraint(
            model_name='tag',
            constraint=models.CheckConstraint(condition=models.Q(('expires_at', None), ('expires_at__gte', models.F('put_at')), _connector='OR'), name='users_tag_ends_after_it_began'),
        ),
        migrations.AddConstraint(
            model_name='tag',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('source__startswith', 'staff:'), _negated=True), models.Q(models.Q(('reason', ''), _negated=True), ('expires_at__isnull', False)), _connector='OR'), name='users_tag_of_staff_has_reason_and_end'),
        ),
        migrations.AddConstraint(
            model_name='tagkind',
            constraint=models.CheckConstraint(condition=models.Q(('code__regex', '^[a-z][a-z0-9_]*$')), name='users_tagkind_code'),
        ),
        migrations.AddConstraint(
            model_name='tagkind',
            constraint=models.CheckConstraint(condition=models.Q(('days__gte', 1), ('days__lte', 3650)), name='users_tagkind_days'),
        ),
        migrations.AddField(
            model_name='userlevelchange',
            name='before',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.level'),
        ),
        migrations.AddField(
            model_name='userlevelchange',
            name='level',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.level'),
        ),
        migrations.AddField(
            model_name='userlevelchange',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='level_changes', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='userlevelchange',
            index=models.Index(fields=['user', '-id'], name='users_levelchange_of'),
        ),
        migrations.AddConstraint(
            model_name='userlevelchange',
            constraint=models.CheckConstraint(condition=models.Q(('level', models.F('before')), _negated=True), name='users_levelchange_is_one'),
        ),
        migrations.RunSQL(
            APPEND_ONLY, "DROP TRIGGER users_userlevelchange_append_only ON users_userlevelchange"
        ),
        migrations.RunSQL(COUNT_AGAIN, migrations.RunSQL.noop),
    ]
