"""Calls, second looks and the figures of the desk."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django_fsm
import lending.common.crypto
from django.conf import settings
from django.db import migrations, models

from lending.common.migrating import CreateModels


class Migration(migrations.Migration):
    replaces = [("review", "0018_batch_changes")]
    dependencies = [
        ("review", "0021_case_tables"),
        ("users", "0031_borrower_tables"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        CreateModels([
            migrations.CreateModel(
                name='OverrideBrief',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('subject', models.CharField(max_length=90)),
                    ('counted', models.PositiveIntegerField()),
                    ('first_at', models.DateTimeField()),
                    ('created_at', models.DateTimeField()),
                    ('draft_id', models.BigIntegerField(null=True)),
                    ('backtest_id', models.BigIntegerField(null=True)),
                    ('told', models.TextField()),
                ],
                options={
                    'ordering': ['-id'],
                    'constraints': [models.UniqueConstraint(fields=('subject', 'first_at'), name='review_brief_once_a_window')],
                },
            ),
            migrations.CreateModel(
                name='Override',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='overrides', to='review.case')),
                    ('subject', models.CharField(max_length=90)),
                    ('outcome', models.CharField(choices=[('approve', '通过 Approved'), ('decline', '拒绝 Declined')], max_length=8)),
                    ('decision_id', models.BigIntegerField(null=True)),
                    ('reviewer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('created_at', models.DateTimeField()),
                    ('brief', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='overrides', to='review.overridebrief')),
                ],
                options={
                    'ordering': ['-id'],
                    'indexes': [models.Index(fields=['subject', 'created_at'], name='review_override_by_subject'), models.Index(condition=models.Q(('brief', None)), fields=['created_at'], name='review_override_uncounted')],
                    'constraints': [models.UniqueConstraint(fields=('case', 'subject'), name='review_override_once_a_case')],
                },
            ),
            migrations.CreateModel(
                name='ReviewDay',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('day', models.DateField()),
                    ('part', models.CharField(choices=[('closed', '结案 Closed the case'), ('recommended', '初审意见 Recommended')], max_length=12)),
                    ('queue_code', models.CharField(max_length=10)),
                    ('product_code', models.CharField(max_length=20)),
                    ('reviewer', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('cases', models.PositiveIntegerField()),
                    ('approved', models.PositiveIntegerField()),
                    ('declined', models.PositiveIntegerField()),
                    ('recommended', models.PositiveIntegerField()),
                    ('overturned', models.PositiveIntegerField()),
                    ('late', models.PositiveIntegerField()),
                    ('open_seconds', models.BigIntegerField()),
                    ('waiting_initial_seconds', models.BigIntegerField()),
                    ('in_initial_seconds', models.BigIntegerField()),
                    ('waiting_final_seconds', models.BigIntegerField()),
                    ('in_final_seconds', models.BigIntegerField()),
                    ('paused_seconds', models.BigIntegerField()),
                    ('measured_at', models.DateTimeField()),
                ],
                options={
                    'ordering': ['-day', 'part', 'queue_code'],
                    'permissions': [('see_figures', 'Can see the figures of every reviewer')],
                    'indexes': [models.Index(fields=['reviewer', 'day'], name='review_day_by_reviewer')],
                    'constraints': [models.UniqueConstraint(fields=('day', 'part', 'queue_code', 'product_code', 'reviewer'), name='review_day_once', nulls_distinct=False)],
                },
            ),
            migrations.CreateModel(
                name='PhoneScript',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('queue', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='scripts', to='review.queue')),
                    ('callee', models.CharField(choices=[('borrower', '借款人 Borrower'), ('employer', '单位 Employer'), ('contact', '联系人 Contact')], max_length=8)),
                    ('version', models.PositiveSmallIntegerField()),
                    ('required', models.BooleanField()),
                    ('opening_en', models.CharField(max_length=300)),
                    ('opening_zh', models.CharField(max_length=300)),
                ],
                options={
                    'ordering': ['queue_id', 'callee', '-version'],
                    'constraints': [models.UniqueConstraint(fields=('queue', 'callee', 'version'), name='review_script_version_once'), models.CheckConstraint(condition=models.Q(('callee__in', ['borrower', 'employer', 'contact'])), name='review_script_callee_known')],
                },
            ),
            migrations.CreateModel(
                name='PhoneQuestion',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('script', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='questions', to='review.phonescript')),
                    ('key', models.SlugField(max_length=30)),
                    ('position', models.PositiveSmallIntegerField()),
                    ('text_en', models.CharField(max_length=200)),
                    ('text_zh', models.CharField(max_length=200)),
                    ('kind', models.CharField(choices=[('yes_no', '是否 Yes or no'), ('choice', '选择 Choice'), ('text', '文字 Text'), ('number', '数字 Number'), ('date', '日期 Date')], max_length=8)),
                    ('options', models.JSONField(blank=True, default=list)),
                    ('compare', models.CharField(blank=True, max_length=30)),
                    ('critical', models.BooleanField(default=False)),
                    ('next', models.JSONField(blank=True, default=dict)),
                ],
                options={
                    'ordering': ['script_id', 'position'],
                    'constraints': [models.UniqueConstraint(fields=('script', 'key'), name='review_question_key_once'), models.UniqueConstraint(fields=('script', 'position'), name='review_question_position_once')],
                },
            ),
            migrations.CreateModel(
                name='PhoneCheck',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='phone_checks', to='review.case')),
                    ('script', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='review.phonescript')),
                    ('callee', models.CharField(choices=[('borrower', '借款人 Borrower'), ('employer', '单位 Employer'), ('contact', '联系人 Contact')], max_length=8)),
                    ('state', models.CharField(choices=[('open', '进行中 Open'), ('broken_off', '中断 Broken off'), ('done', '完成 Done')], default='open', max_length=50)),
                    ('at_question', models.CharField(blank=True, max_length=30)),
                    ('result', models.CharField(blank=True, choices=[('verified', '已核实 Verified'), ('not_verified', '未核实 Not verified'), ('mismatches', '有不一致 Mismatches')], max_length=12)),
                    ('mismatches', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=30), blank=True, default=list, size=None)),
                    ('started_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('started_at', models.DateTimeField()),
                    ('finished_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('finished_at', models.DateTimeField(null=True)),
                ],
                options={
                    'ordering': ['-id'],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'done'), _negated=True), fields=('case', 'callee'), name='review_one_phone_check_under_way'), models.CheckConstraint(condition=models.Q(('state__in', ['open', 'broken_off', 'done'])), name='review_phone_check_state_known'), models.CheckConstraint(condition=models.Q(models.Q(('at_question', ''), ('finished_at__isnull', False), ('finished_by__isnull', False), ('state', 'done'), models.Q(('result', ''), _negated=True)), models.Q(models.Q(('state', 'done'), _negated=True), ('finished_at__isnull', True), ('finished_by__isnull', True), ('result', '')), _connector='OR'), name='review_phone_check_done_has_a_result')],
                },
                bases=(django_fsm.FSMModelMixin, models.Model),
            ),
            migrations.CreateModel(
                name='PhoneAttempt',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='phone_attempts', to='review.case')),
                    ('callee', models.CharField(choices=[('borrower', '借款人 Borrower'), ('employer', '单位 Employer'), ('contact', '联系人 Contact')], max_length=8)),
                    ('position', models.PositiveSmallIntegerField(blank=True, null=True)),
                    ('number', lending.common.crypto.EncryptedTextField()),
                    ('number_index', models.CharField(editable=False, max_length=64)),
                    ('number_masked', models.CharField(max_length=20)),
                    ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('called_at', models.DateTimeField()),
                    ('result', models.CharField(blank=True, choices=[('answered', '接通 Answered'), ('no_answer', '无人接听 No answer'), ('refused', '拒绝沟通 Refused'), ('wrong_number', '号码不符 Wrong number'), ('voicemail', '语音信箱 Voicemail')], max_length=12)),
                    ('result_at', models.DateTimeField(null=True)),
                ],
                options={
                    'ordering': ['-id'],
                    'indexes': [models.Index(fields=['number_index', '-called_at'], name='review_calls_of_a_number')],
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('result', ''), ('result_at__isnull', True)), models.Q(('result__in', ['answered', 'no_answer', 'refused', 'wrong_number', 'voicemail']), ('result_at__isnull', False)), _connector='OR'), name='review_call_result_known'), models.UniqueConstraint(condition=models.Q(('result', '')), fields=('case',), name='review_one_call_under_way_per_case'), models.CheckConstraint(condition=models.Q(models.Q(('callee', 'contact'), ('position__isnull', False)), models.Q(models.Q(('callee', 'contact'), _negated=True), ('position__isnull', True)), _connector='OR'), name='review_call_names_its_contact')],
                },
            ),
            migrations.CreateModel(
                name='PhoneAnswer',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('check_of', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='answers', to='review.phonecheck')),
                    ('question', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='review.phonequestion')),
                    ('answer', lending.common.crypto.EncryptedTextField()),
                    ('agreement', models.CharField(blank=True, choices=[('match', '一致 Match'), ('near', '接近 Near'), ('mismatch', '不一致 Mismatch'), ('cannot_tell', '无法判断 Cannot tell')], max_length=12)),
                    ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('answered_at', models.DateTimeField()),
                    ('replaced_at', models.DateTimeField(null=True)),
                ],
                options={
                    'ordering': ['id'],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('replaced_at', None)), fields=('check_of', 'question'), name='review_one_answer_a_question')],
                },
            ),
            migrations.CreateModel(
                name='SamplingRule',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('code', models.CharField(max_length=20, unique=True)),
                    ('stage', models.CharField(blank=True, choices=[('initial', '初审 Initial'), ('final', '终审 Final')], max_length=8)),
                    ('outcome', models.CharField(blank=True, choices=[('approve', '通过 Approved'), ('decline', '拒绝 Declined')], max_length=8)),
                    ('queue_code', models.CharField(blank=True, max_length=10)),
                    ('alone', models.BooleanField(blank=True, null=True)),
                    ('overrules', models.BooleanField(blank=True, null=True)),
                    ('first_cases', models.PositiveSmallIntegerField(blank=True, null=True)),
                    ('level_to', models.PositiveSmallIntegerField(blank=True, null=True)),
                    ('amount_from_cents', models.BigIntegerField(blank=True, null=True)),
                    ('share_bp', models.PositiveSmallIntegerField()),
                    ('active', models.BooleanField(default=True)),
                ],
                options={
                    'ordering': ['-share_bp', 'code'],
                    'constraints': [models.CheckConstraint(condition=models.Q(('share_bp__range', (1, 10000))), name='review_sampling_share_in_range')],
                },
            ),
            migrations.CreateModel(
                name='SamplingMark',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('through_at', models.DateTimeField()),
                ],
                options={
                    'constraints': [models.CheckConstraint(condition=models.Q(('pk', 1)), name='review_sampling_has_one_mark')],
                },
            ),
            migrations.CreateModel(
                name='ErrorClass',
                fields=[
                    ('code', models.CharField(max_length=4, primary_key=True, serialize=False)),
                    ('severity', models.PositiveSmallIntegerField(choices=[(1, '轻微 Minor'), (2, '较重 Major'), (3, '严重 Critical')])),
                    ('text_en', models.CharField(max_length=120)),
                    ('text_zh', models.CharField(max_length=120)),
                ],
                options={
                    'verbose_name_plural': 'error classes',
                    'ordering': ['-severity', 'code'],
                    'constraints': [models.CheckConstraint(condition=models.Q(('severity__in', [1, 2, 3])), name='review_error_severity_known')],
                },
            ),
            migrations.CreateModel(
                name='QualitySetting',
                fields=[
                    ('code', models.CharField(max_length=30, primary_key=True, serialize=False)),
                    ('value', models.PositiveIntegerField()),
                    ('text_en', models.CharField(max_length=160)),
                    ('text_zh', models.CharField(max_length=160)),
                ],
                options={
                    'ordering': ['code'],
                },
            ),
            migrations.CreateModel(
                name='SecondLook',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('case', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='second_look', to='review.case')),
                    ('queue', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='review.queue')),
                    ('rule', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='looks', to='review.samplingrule')),
                    ('reviewer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('outcome', models.CharField(choices=[('approve', '通过 Approved'), ('decline', '拒绝 Declined')], max_length=8)),
                    ('recommender', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('recommendation', models.CharField(blank=True, choices=[('approve', '通过 Approved'), ('decline', '拒绝 Declined')], max_length=8)),
                    ('created_at', models.DateTimeField()),
                    ('checker', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('taken_at', models.DateTimeField(null=True)),
                    ('verdict', models.CharField(blank=True, choices=[('approve', '通过 Approved'), ('decline', '拒绝 Declined')], max_length=8)),
                    ('reasons', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=4), blank=True, default=list, size=None)),
                    ('errors', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=4), blank=True, default=list, size=None)),
                    ('severity', models.PositiveSmallIntegerField(choices=[(1, '轻微 Minor'), (2, '较重 Major'), (3, '严重 Critical')], null=True)),
                    ('note', models.TextField(blank=True)),
                    ('done_at', models.DateTimeField(null=True)),
                    ('reply', models.TextField(blank=True)),
                    ('acknowledged_at', models.DateTimeField(null=True)),
                ],
                options={
                    'ordering': ['-id'],
                    'permissions': [('check_quality', 'Can take second looks at closed cases')],
                    'indexes': [models.Index(condition=models.Q(('done_at', None)), fields=['id'], name='review_look_open'), models.Index(fields=['done_at'], name='review_look_done'), models.Index(fields=['reviewer', 'done_at'], name='review_look_by_reviewer')],
                    'constraints': [models.CheckConstraint(condition=models.Q(('checker', None), models.Q(models.Q(('checker', models.F('reviewer')), _negated=True), models.Q(('recommender', None), models.Q(('checker', models.F('recommender')), _negated=True), _connector='OR')), _connector='OR'), name='review_look_is_not_at_own_case'), models.CheckConstraint(condition=models.Q(models.Q(('checker', None), ('taken_at', None)), models.Q(('checker__isnull', False), ('taken_at__isnull', False)), _connector='OR'), name='review_look_taken_by_somebody'), models.CheckConstraint(condition=models.Q(models.Q(('done_at', None), ('severity', None), ('verdict', '')), models.Q(('checker__isnull', False), ('done_at__isnull', False), ('verdict__in', ['approve', 'decline'])), _connector='OR'), name='review_look_done_has_a_verdict'), models.CheckConstraint(condition=models.Q(models.Q(('acknowledged_at', None), ('reply', '')), models.Q(('acknowledged_at__isnull', False), ('done_at__isnull', False), models.Q(('reply', ''), _negated=True)), _connector='OR'), name='review_look_acknowledged_with_a_reply')],
                },
            ),
            migrations.CreateModel(
                name='DriftAlarm',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('subject', models.CharField(max_length=40)),
                    ('metric', models.CharField(choices=[('approval', '通过率 Approval'), ('overturn', '改判率 Overturn')], max_length=10)),
                    ('raised_on', models.DateField()),
                    ('before_count', models.PositiveIntegerField()),
                    ('before_rate', models.FloatField()),
                    ('now_count', models.PositiveIntegerField()),
                    ('now_rate', models.FloatField()),
                    ('z', models.FloatField()),
                    ('raised_at', models.DateTimeField()),
                ],
                options={
                    'ordering': ['-id'],
                    'constraints': [models.UniqueConstraint(fields=('subject', 'metric', 'raised_on'), name='review_drift_once_a_day')],
                },
            ),
        ]),
    ]
