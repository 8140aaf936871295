"""Cases: who decides what, in which order, and what was done and noted."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django_fsm
import lending.common.crypto
import review.models.people
from django.conf import settings
from django.db import migrations, models

from lending.common.migrating import CreateModels


class Migration(migrations.Migration):
    initial = True
    # The first and the last are both among them: a database that stopped in between has a part of these, and is
    # refused (lending.common.migrating).
    replaces = [
        ("review", "0001_initial"),
        ("review", "0002_append_only"),
        ("review", "0003_office_indexes"),
        ("review", "0004_notes_and_files"),
        ("review", "0005_notes_append_only"),
        ("review", "0006_telephone"),
        ("review", "0007_calls_are_kept"),
        ("review", "0008_checklists"),
        ("review", "0009_borrower_texts"),
        ("review", "0010_quality_figures"),
        ("review", "0011_dispatch"),
        ("review", "0012_authority_versions"),
        ("review", "0013_routing_and_members"),
        ("review", "0014_sla"),
        ("review", "0015_batch"),
        ("review", "0016_queue_counts"),
        ("review", "0017_handling_minutes"),
        ("review", "0020_titles_may_be_erased"),
    ]
    dependencies = [
        ("lending", "0012_tables"),
        ("users", "0031_borrower_tables"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        CreateModels([
            migrations.CreateModel(
                name='Queue',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('code', models.CharField(max_length=10, unique=True)),
                    ('name_zh', models.CharField(max_length=40)),
                    ('stage', models.CharField(choices=[('initial', '初审 Initial'), ('final', '终审 Final')], max_length=8)),
                    ('takes', models.CharField(max_length=120)),
                    ('opens', models.TimeField()),
                    ('closes', models.TimeField()),
                    ('workdays_only', models.BooleanField(default=False)),
                    ('due_minutes', models.PositiveSmallIntegerField()),
                    ('at_risk_minutes', models.PositiveSmallIntegerField()),
                    ('skill', models.CharField(max_length=20)),
                    ('mode', models.CharField(choices=[('claim', '领取 Reviewers claim'), ('dispatch', '派单 Dealt out')], default='claim', max_length=8)),
                    ('ageing_minutes', models.PositiveSmallIntegerField(default=10)),
                    ('boost', models.SmallIntegerField(default=0)),
                    ('level_bonus', models.PositiveSmallIntegerField(default=20)),
                    ('handling_minutes', models.PositiveSmallIntegerField(default=12)),
                ],
                options={
                    'ordering': ['-stage', 'code'],
                    'constraints': [models.CheckConstraint(condition=models.Q(('handling_minutes__gt', 0)), name='review_queue_takes_time'), models.CheckConstraint(condition=models.Q(('mode__in', ['claim', 'dispatch'])), name='review_queue_mode_known'), models.CheckConstraint(condition=models.Q(('ageing_minutes__gt', 0)), name='review_queue_ages'), models.CheckConstraint(condition=models.Q(('opens__lt', models.F('closes'))), name='review_queue_opens_before_it_closes'), models.CheckConstraint(condition=models.Q(('at_risk_minutes__gt', 0), ('due_minutes__gt', models.F('at_risk_minutes'))), name='review_queue_at_risk_before_due')],
                },
            ),
            migrations.CreateModel(
                name='QueueMember',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('queue', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='members', to='review.queue')),
                    ('reviewer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['queue', 'reviewer'],
                    'constraints': [models.UniqueConstraint(fields=('queue', 'reviewer'), name='review_queue_member_once')],
                },
            ),
            migrations.CreateModel(
                name='RoutingRule',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('position', models.PositiveSmallIntegerField(unique=True)),
                    ('queue', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rules', to='review.queue')),
                    ('families', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), blank=True, default=list, size=None)),
                    ('channels', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), blank=True, default=list, size=None)),
                    ('grades', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=2), blank=True, default=list, size=None)),
                    ('languages', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=8), blank=True, default=list, size=None)),
                    ('reasons', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=4), blank=True, default=list, size=None)),
                    ('over_cents', models.BigIntegerField(blank=True, null=True)),
                    ('mark', models.CharField(blank=True, max_length=10)),
                ],
                options={
                    'ordering': ['position'],
                    'constraints': [models.CheckConstraint(condition=models.Q(('mark__in', ['', 'grey', 'exception', 'appeal'])), name='review_routing_mark_known')],
                },
            ),
            migrations.CreateModel(
                name='AuthorityRule',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('version', models.PositiveSmallIntegerField()),
                    ('amount_to_cents', models.BigIntegerField()),
                    ('column', models.CharField(max_length=10)),
                    ('initial_level', models.PositiveSmallIntegerField(blank=True, null=True)),
                    ('final_level', models.PositiveSmallIntegerField(blank=True, null=True)),
                ],
                options={
                    'ordering': ['-version', 'column', 'amount_to_cents'],
                    'constraints': [models.UniqueConstraint(fields=('version', 'amount_to_cents', 'column'), name='review_authority_once'), models.CheckConstraint(condition=models.Q(('column__in', ['A_B', 'C', 'D', 'exception'])), name='review_authority_column_known'), models.CheckConstraint(condition=models.Q(models.Q(('final_level__isnull', True), ('initial_level__isnull', True)), models.Q(('final_level__isnull', True), ('initial_level__isnull', False), ('initial_level__range', (1, 4))), models.Q(('final_level__isnull', False), ('initial_level__isnull', False), ('final_level__range', (models.F('initial_level'), 4)), ('initial_level__range', (1, 4))), _connector='OR'), name='review_authority_levels_in_order')],
                },
            ),
            migrations.CreateModel(
                name='Finding',
                fields=[
                    ('code', models.CharField(max_length=4, primary_key=True, serialize=False)),
                    ('action', models.CharField(choices=[('approve', '通过 Approve'), ('supplement', '补件 Supplement'), ('return', '退回初审 Return'), ('suspend', '挂起 Suspend'), ('escalate', '上报 Escalate'), ('release', '释放 Release'), ('recuse', '回避 Recuse'), ('phone', '电核豁免 Without a telephone verification'), ('skip', '跳过 Skip'), ('amount', '改额 Propose another amount')], max_length=10)),
                    ('text_en', models.CharField(max_length=120)),
                    ('text_zh', models.CharField(max_length=120)),
                    ('item_kind', models.CharField(blank=True, max_length=40)),
                    ('borrower_en', models.CharField(blank=True, max_length=200)),
                    ('borrower_zh', models.CharField(blank=True, max_length=200)),
                ],
                options={
                    'ordering': ['code'],
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('action', 'supplement'), models.Q(('item_kind', ''), _negated=True)), models.Q(models.Q(('action', 'supplement'), _negated=True), ('item_kind', '')), _connector='OR'), name='review_supplement_finding_asks_for_something')],
                },
            ),
            migrations.CreateModel(
                name='Case',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('application', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='review_cases', to='lending.application')),
                    ('round', models.PositiveSmallIntegerField()),
                    ('borrower', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('queue', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cases', to='review.queue')),
                    ('stage', models.CharField(choices=[('initial', '初审 Initial'), ('final', '终审 Final')], max_length=8)),
                    ('status', models.CharField(choices=[('WAITING_INITIAL', '待初审 Waiting, initial'), ('IN_INITIAL', '初审中 In initial review'), ('WAITING_FINAL', '待终审 Waiting, final'), ('IN_FINAL', '终审中 In final review'), ('SUPPLEMENT', '待补件 Supplement'), ('SUSPENDED', '挂起 Suspended'), ('CLOSED', '已结案 Closed')], default='WAITING_INITIAL', max_length=50)),
                    ('outcome', models.CharField(blank=True, choices=[('approve', '通过 Approved'), ('decline', '拒绝 Declined'), ('void', '作废 Ended without a verdict')], max_length=8)),
                    ('initial_reviewer', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('final_reviewer', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('recommendation', models.CharField(blank=True, choices=[('approve', '通过 Approved'), ('decline', '拒绝 Declined')], max_length=8)),
                    ('claimed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('leased_until', models.DateTimeField(null=True)),
                    ('slot', models.PositiveSmallIntegerField(null=True)),
                    ('held_for', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('held_until', models.DateTimeField(null=True)),
                    ('amount_cents', models.BigIntegerField()),
                    ('proposed_cents', models.BigIntegerField(null=True)),
                    ('grade', models.CharField(blank=True, max_length=2)),
                    ('language', models.CharField(blank=True, max_length=8)),
                    ('product_code', models.CharField(blank=True, max_length=20)),
                    ('channel_code', models.CharField(blank=True, max_length=20)),
                    ('is_exception', models.BooleanField(default=False)),
                    ('is_appeal', models.BooleanField(default=False)),
                    ('level_needed', models.PositiveSmallIntegerField()),
                    ('routed_under', models.PositiveSmallIntegerField(default=0)),
                    ('is_favoured', models.BooleanField(default=False)),
                    ('bonus', models.SmallIntegerField(default=0)),
                    ('opened_at', models.DateTimeField()),
                    ('due_at', models.DateTimeField()),
                    ('at_risk_at', models.DateTimeField()),
                    ('attention', models.PositiveSmallIntegerField(choices=[(0, '正常 In time'), (1, '将超时 At risk'), (2, '已超时 Breached')], default=0)),
                    ('rank', models.BigIntegerField()),
                    ('paused_at', models.DateTimeField(null=True)),
                    ('resume_at', models.DateTimeField(null=True)),
                    ('closed_at', models.DateTimeField(null=True)),
                ],
                options={
                    'ordering': ['rank', 'id'],
                    'permissions': [('print_case', 'Can print a case for an auditor')],
                    'indexes': [models.Index(condition=models.Q(('status__in', ('WAITING_INITIAL', 'WAITING_FINAL'))), fields=['rank', 'id'], name='review_case_next'), models.Index(fields=['rank', 'id'], name='review_case_by_rank'), models.Index(fields=['closed_at'], name='review_case_by_closing'), models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['rank', 'id'], name='review_case_open'), models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['queue', 'status'], name='review_case_in_queue'), models.Index(condition=models.Q(('closed_at__isnull', True), ('status__in', ['WAITING_INITIAL', 'WAITING_FINAL', 'IN_INITIAL', 'IN_FINAL'])), fields=['queue', 'opened_at'], name='review_case_oldest'), models.Index(condition=models.Q(('closed_at__isnull', True), ('paused_at__isnull', True)), fields=['queue', 'due_at'], name='review_case_late'), models.Index(fields=['queue', 'rank', 'id'], name='review_case_by_queue'), models.Index(fields=['status', 'rank', 'id'], name='review_case_by_status'), models.Index(fields=['product_code', 'rank', 'id'], name='review_case_by_product'), models.Index(fields=['channel_code', 'rank', 'id'], name='review_case_by_channel'), models.Index(fields=['grade', 'rank', 'id'], name='review_case_by_grade'), models.Index(condition=models.Q(('status__in', ('IN_INITIAL', 'IN_FINAL'))), fields=['leased_until'], name='review_case_leases'), models.Index(condition=models.Q(('status', 'CLOSED'), _negated=True), fields=['routed_under'], name='review_case_routed'), models.Index(condition=models.Q(('attention', 0), ('closed_at__isnull', True)), fields=['at_risk_at'], name='review_case_soon_at_risk'), models.Index(condition=models.Q(('attention__lt', 2), ('closed_at__isnull', True)), fields=['due_at'], name='review_case_soon_late'), models.Index(condition=models.Q(('status', 'SUSPENDED')), fields=['resume_at'], name='review_case_suspended')],
                    'constraints': [models.UniqueConstraint(fields=('application', 'round'), name='review_case_once_a_round'), models.UniqueConstraint(condition=models.Q(('status', 'CLOSED'), _negated=True), fields=('application',), name='review_one_open_case_per_application'), models.UniqueConstraint(fields=('claimed_by', 'slot'), name='review_at_most_five_open_cases'), models.CheckConstraint(condition=models.Q(('status__in', ['WAITING_INITIAL', 'IN_INITIAL', 'WAITING_FINAL', 'IN_FINAL', 'SUPPLEMENT', 'SUSPENDED', 'CLOSED'])), name='review_case_status_known'), models.CheckConstraint(condition=models.Q(('proposed_cents__isnull', True), ('proposed_cents__gt', 0), _connector='OR'), name='review_case_proposes_something'), models.CheckConstraint(condition=models.Q(('initial_reviewer__isnull', True), ('final_reviewer__isnull', True), models.Q(('initial_reviewer', models.F('final_reviewer')), _negated=True), _connector='OR'), name='review_case_has_two_reviewers'), models.CheckConstraint(condition=models.Q(models.Q(('status', 'IN_FINAL'), _negated=True), ('initial_reviewer__isnull', True), models.Q(('claimed_by', models.F('initial_reviewer')), _negated=True), _connector='OR'), name='review_final_is_not_held_by_the_initial_reviewer'), models.CheckConstraint(condition=models.Q(models.Q(('status', 'IN_INITIAL'), _negated=True), ('final_reviewer__isnull', True), models.Q(('claimed_by', models.F('final_reviewer')), _negated=True), _connector='OR'), name='review_initial_is_not_held_by_the_final_reviewer'), models.CheckConstraint(condition=models.Q(models.Q(('claimed_by__isnull', False), ('leased_until__isnull', False), ('slot__isnull', False), ('slot__range', (1, 5)), ('status__in', ('IN_INITIAL', 'IN_FINAL'))), models.Q(models.Q(('status__in', ('IN_INITIAL', 'IN_FINAL')), _negated=True), ('claimed_by__isnull', True), ('leased_until__isnull', True), ('slot__isnull', True)), _connector='OR'), name='review_case_held_while_worked_on'), models.CheckConstraint(condition=models.Q(models.Q(('held_for__isnull', True), ('held_until__isnull', True)), models.Q(('held_for__isnull', False), ('held_until__isnull', False), ('status__in', ['WAITING_INITIAL', 'WAITING_FINAL', 'SUPPLEMENT', 'SUSPENDED'])), _connector='OR'), name='review_case_kept_for_somebody_until'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', False), ('status', 'CLOSED'), models.Q(('outcome', ''), _negated=True)), models.Q(models.Q(('status', 'CLOSED'), _negated=True), ('closed_at__isnull', True), ('outcome', '')), _connector='OR'), name='review_closed_case_has_an_outcome'), models.CheckConstraint(condition=models.Q(models.Q(('paused_at__isnull', False), ('status', 'SUPPLEMENT')), models.Q(models.Q(('status', 'SUPPLEMENT'), _negated=True), ('paused_at__isnull', True)), _connector='OR'), name='review_case_clock_stands_while_the_borrower_owes'), models.CheckConstraint(condition=models.Q(models.Q(('resume_at__isnull', False), ('status', 'SUSPENDED')), models.Q(models.Q(('status', 'SUSPENDED'), _negated=True), ('resume_at__isnull', True)), _connector='OR'), name='review_case_suspended_until'), models.CheckConstraint(condition=models.Q(('attention__in', [0, 1, 2])), name='review_case_attention_known'), models.CheckConstraint(condition=models.Q(('status__in', ['SUPPLEMENT', 'SUSPENDED', 'CLOSED']), models.Q(('stage', 'initial'), ('status__in', ['WAITING_INITIAL', 'IN_INITIAL'])), models.Q(('stage', 'final'), ('status__in', ['WAITING_FINAL', 'IN_FINAL'])), _connector='OR'), name='review_case_status_fits_its_stage')],
                },
                bases=(django_fsm.FSMModelMixin, models.Model),
            ),
            migrations.CreateModel(
                name='Skip',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='skips', to='review.case')),
                    ('reviewer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('until', models.DateTimeField()),
                ],
                options={
                    'ordering': ['-id'],
                    'constraints': [models.UniqueConstraint(fields=('case', 'reviewer'), name='review_skip_once')],
                },
            ),
            migrations.CreateModel(
                name='CaseAction',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='actions', to='review.case')),
                    ('action', models.CharField(choices=[('open', '立案 Opened'), ('claim', '领取 Claimed'), ('recommend', '初审意见 Recommended'), ('decide', '终审决定 Decided'), ('supplement', '补件 Supplement requested'), ('resume', '恢复 Resumed'), ('return', '退回初审 Returned to initial'), ('suspend', '挂起 Suspended'), ('escalate', '上报 Escalated'), ('release', '释放 Released'), ('skip', '跳过 Skipped'), ('amount', '改额 Another amount proposed'), ('reroute', '改派 Rerouted'), ('dispatch', '派单 Dealt out'), ('late', '时限预警 At risk or late'), ('lapse', '领取超时 Lease ran out'), ('call', '致电 Called'), ('verify', '电核 Verified by telephone'), ('except', '电核豁免 No telephone verification'), ('recuse', '回避 Recused'), ('void', '作废 Closed without a verdict')], max_length=10)),
                    ('actor', models.CharField(max_length=60)),
                    ('occurred_at', models.DateTimeField()),
                    ('source', models.CharField(blank=True, choices=[('WAITING_INITIAL', '待初审 Waiting, initial'), ('IN_INITIAL', '初审中 In initial review'), ('WAITING_FINAL', '待终审 Waiting, final'), ('IN_FINAL', '终审中 In final review'), ('SUPPLEMENT', '待补件 Supplement'), ('SUSPENDED', '挂起 Suspended'), ('CLOSED', '已结案 Closed')], max_length=16)),
                    ('target', models.CharField(choices=[('WAITING_INITIAL', '待初审 Waiting, initial'), ('IN_INITIAL', '初审中 In initial review'), ('WAITING_FINAL', '待终审 Waiting, final'), ('IN_FINAL', '终审中 In final review'), ('SUPPLEMENT', '待补件 Supplement'), ('SUSPENDED', '挂起 Suspended'), ('CLOSED', '已结案 Closed')], max_length=16)),
                    ('outcome', models.CharField(blank=True, max_length=8)),
                    ('reasons', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=4), blank=True, default=list, size=None)),
                    ('note', models.TextField(blank=True)),
                    ('changes', models.JSONField(blank=True, default=dict)),
                ],
                options={
                    'ordering': ['id'],
                },
            ),
            migrations.CreateModel(
                name='AuthorityVersion',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.PositiveSmallIntegerField(unique=True)),
                    ('state', models.CharField(choices=[('draft', '草稿 Draft'), ('approved', '已批准 Approved'), ('discarded', '已作废 Discarded')], default='draft', max_length=50)),
                    ('reason', models.CharField(max_length=300)),
                    ('drafted_by', models.CharField(max_length=60)),
                    ('drafted_at', models.DateTimeField()),
                    ('decided_by', models.CharField(blank=True, max_length=60)),
                    ('decided_at', models.DateTimeField(null=True)),
                    ('decision_note', models.CharField(blank=True, max_length=300)),
                ],
                options={
                    'ordering': ['-number'],
                    'permissions': [('draft_authorityversion', 'Can draft a version of the authority matrix'), ('approve_authorityversion', 'Can approve what somebody else drafted')],
                    'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'approved', 'discarded'])), name='review_authority_state_known'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'approved'), _negated=True), models.Q(('decided_by', models.F('drafted_by')), _negated=True), _connector='OR'), name='review_authority_two_people'), models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', True), ('decided_by', ''), ('state', 'draft')), models.Q(models.Q(('state', 'draft'), _negated=True), ('decided_at__isnull', False), models.Q(('decided_by', ''), _negated=True)), _connector='OR'), name='review_authority_decided_by_somebody')],
                },
                bases=(django_fsm.FSMModelMixin, models.Model),
            ),
            migrations.CreateModel(
                name='BatchRule',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('stage', models.CharField(choices=[('initial', '初审 Initial'), ('final', '终审 Final')], max_length=8)),
                    ('action', models.CharField(choices=[('approve', '通过 Approve'), ('decline', '拒绝 Decline')], max_length=8)),
                    ('grades', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=2), size=None)),
                    ('amount_to_cents', models.BigIntegerField()),
                    ('checklist', models.CharField(choices=[('needed', '须完成 Needed'), ('waived', '免除 Waived')], default='needed', max_length=6)),
                ],
                options={
                    'ordering': ['stage', 'action'],
                    'constraints': [models.UniqueConstraint(fields=('stage', 'action'), name='review_batch_rule_once'), models.CheckConstraint(condition=models.Q(('action__in', ['approve', 'decline']), ('amount_to_cents__gt', 0)), name='review_batch_rule_known'), models.CheckConstraint(condition=models.Q(('checklist__in', ['needed', 'waived'])), name='review_batch_rule_checklist_known')],
                },
            ),
            migrations.CreateModel(
                name='BatchChange',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('stage', models.CharField(choices=[('initial', '初审 Initial'), ('final', '终审 Final')], max_length=8)),
                    ('action', models.CharField(choices=[('approve', '通过 Approve'), ('decline', '拒绝 Decline')], max_length=8)),
                    ('grades', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=2), blank=True, size=None)),
                    ('amount_to_cents', models.BigIntegerField()),
                    ('checklist', models.CharField(choices=[('needed', '须完成 Needed'), ('waived', '免除 Waived')], max_length=6)),
                    ('state', models.CharField(choices=[('draft', '草稿 Draft'), ('approved', '已批准 Approved'), ('discarded', '已作废 Discarded')], default='draft', max_length=50)),
                    ('reason', models.CharField(max_length=300)),
                    ('drafted_by', models.CharField(max_length=60)),
                    ('drafted_at', models.DateTimeField()),
                    ('decided_by', models.CharField(blank=True, max_length=60)),
                    ('decided_at', models.DateTimeField(null=True)),
                    ('decision_note', models.CharField(blank=True, max_length=300)),
                ],
                options={
                    'ordering': ['-id'],
                    'permissions': [('draft_batchchange', 'Can draft a change of the batch rules'), ('approve_batchchange', 'Can approve a change of the batch rules that somebody else drafted')],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'draft')), fields=('stage', 'action'), name='review_batch_change_one_draft'), models.CheckConstraint(condition=models.Q(('action__in', ['approve', 'decline']), ('amount_to_cents__gt', 0), ('checklist__in', ['needed', 'waived'])), name='review_batch_change_known'), models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'approved', 'discarded'])), name='review_batch_change_state_known'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'approved'), _negated=True), models.Q(('decided_by', models.F('drafted_by')), _negated=True), _connector='OR'), name='review_batch_change_two_people'), models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', True), ('decided_by', ''), ('state', 'draft')), models.Q(models.Q(('state', 'draft'), _negated=True), ('decided_at__isnull', False), models.Q(('decided_by', ''), _negated=True)), _connector='OR'), name='review_batch_change_decided_by_somebody')],
                },
                bases=(django_fsm.FSMModelMixin, models.Model),
            ),
            migrations.CreateModel(
                name='ChecklistItem',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('queue', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='checklist', to='review.queue')),
                    ('key', models.SlugField(max_length=30)),
                    ('position', models.PositiveSmallIntegerField()),
                    ('text_en', models.CharField(max_length=120)),
                    ('text_zh', models.CharField(max_length=120)),
                    ('needed_for', models.CharField(blank=True, choices=[('any', '任何结论 Any verdict'), ('approve', '通过 An approval'), ('', '可选 Optional')], max_length=8)),
                    ('active', models.BooleanField(default=True)),
                ],
                options={
                    'ordering': ['queue_id', 'position'],
                    'constraints': [models.UniqueConstraint(fields=('queue', 'key'), name='review_checklist_key_once'), models.CheckConstraint(condition=models.Q(('needed_for__in', ['any', 'approve', ''])), name='review_checklist_needed_for_known')],
                },
            ),
            migrations.CreateModel(
                name='ChecklistTick',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='ticks', to='review.case')),
                    ('item', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='review.checklistitem')),
                    ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('ticked_at', models.DateTimeField()),
                    ('taken_back_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('taken_back_at', models.DateTimeField(null=True)),
                ],
                options={
                    'ordering': ['-id'],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('taken_back_at', None)), fields=('case', 'item'), name='review_ticked_once'), models.CheckConstraint(condition=models.Q(models.Q(('taken_back_at__isnull', True), ('taken_back_by__isnull', True)), models.Q(('taken_back_at__isnull', False), ('taken_back_by__isnull', False)), _connector='OR'), name='review_tick_taken_back_by_somebody')],
                },
            ),
            migrations.CreateModel(
                name='CaseNote',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='notes', to='review.case')),
                    ('by', models.CharField(max_length=60)),
                    ('at', models.DateTimeField()),
                    ('text', lending.common.crypto.EncryptedTextField()),
                    ('seal', models.CharField(max_length=64)),
                ],
                options={
                    'ordering': ['id'],
                },
            ),
            migrations.CreateModel(
                name='Attachment',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attachments', to='review.case')),
                    ('kind', models.CharField(choices=[('id_front', '身份证人像面 ID card, portrait side'), ('id_back', '身份证国徽面 ID card, emblem side'), ('face', '人脸照片 Picture of the face'), ('income_proof', '收入证明 Proof of income'), ('employment_proof', '工作证明 Proof of employment'), ('address_proof', '居住证明 Proof of address'), ('call_note', '通话记录 Note of a call'), ('other', '其他 Other')], max_length=20)),
                    ('title', models.CharField(max_length=120)),
                    ('file', models.CharField(max_length=120)),
                    ('sha256', models.CharField(max_length=64)),
                    ('size', models.PositiveIntegerField()),
                    ('by', models.CharField(max_length=60)),
                    ('at', models.DateTimeField()),
                ],
                options={
                    'ordering': ['id'],
                    'constraints': [models.UniqueConstraint(fields=('case', 'sha256'), name='review_attachment_once_a_case'), models.CheckConstraint(condition=models.Q(('size__gt', 0)), name='review_attachment_is_not_empty')],
                },
            ),
            migrations.CreateModel(
                name='Reviewer',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('user', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='reviewer', to=settings.AUTH_USER_MODEL)),
                    ('level', models.PositiveSmallIntegerField(choices=[(1, 'R1 初审 Initial'), (2, 'R2 高级 Senior'), (3, 'R3 组长 Lead'), (4, 'R4 信贷经理 Credit manager')])),
                    ('skills', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), blank=True, default=list, size=None)),
                    ('languages', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=8), blank=True, default=review.models.people._all_languages, size=None)),
                    ('active', models.BooleanField(default=True)),
                    ('on_duty_since', models.DateTimeField(blank=True, null=True)),
                    ('phone_index', models.CharField(blank=True, editable=False, max_length=64, null=True, unique=True)),
                    ('id_index', models.CharField(blank=True, editable=False, max_length=64, null=True, unique=True)),
                ],
                options={
                    'ordering': ['-level', 'user_id'],
                    'constraints': [models.CheckConstraint(condition=models.Q(('level__in', [1, 2, 3, 4])), name='review_reviewer_level_known')],
                },
            ),
            migrations.CreateModel(
                name='Recusal',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('reviewer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('borrower', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('relation', models.CharField(choices=[('self', '本人 Self'), ('named', '借款人的联系人 Named as a contact'), ('declared', '主动回避 Declared')], max_length=10)),
                    ('created_at', models.DateTimeField()),
                ],
                options={
                    'ordering': ['-id'],
                    'constraints': [models.UniqueConstraint(fields=('reviewer', 'borrower'), name='review_recusal_once')],
                },
            ),
            migrations.CreateModel(
                name='SavedFilter',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('name', models.CharField(max_length=40)),
                    ('query', models.CharField(max_length=400)),
                ],
                options={
                    'ordering': ['name'],
                    'constraints': [models.UniqueConstraint(fields=('user', 'name'), name='review_saved_filter_once')],
                },
            ),
        ]),
    ]
