"""Templates, contracts and signatures."""

import django.db.models.deletion
import django_fsm
import lending.common.crypto
import uuid
from django.conf import settings
from django.db import migrations, models

from lending.common.migrating import CreateModels


class Migration(migrations.Migration):
    initial = True
    # The first and the last are both among them: a database that stopped in between has a part of these, and is
    # refused (lending.common.migrating).
    replaces = [
        ("contracts", "0001_initial"),
        ("contracts", "0002_triggers"),
        ("contracts", "0003_nulls_refused"),
        ("contracts", "0004_addresses_encrypted"),
        ("contracts", "0005_addresses_only_encrypted"),
        ("contracts", "0007_drafts_may_be_closed"),
    ]
    dependencies = [
        ("lending", "0012_tables"),
        ("users", "0031_borrower_tables"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        CreateModels([
            migrations.CreateModel(
                name='Template',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('code', models.CharField(max_length=60)),
                    ('version', models.PositiveSmallIntegerField()),
                    ('kind', models.CharField(choices=[('cost_sheet', '综合融资成本明示表 Cost sheet'), ('loan_agreement', '借款合同 Loan agreement'), ('guarantee', '委托担保合同 Guarantee'), ('debit_mandate', '代扣授权书 Debit mandate'), ('account_annex', '收款账户变更附件 Account annex'), ('note', '借据及还款计划 Loan note'), ('transfer_notice', '债权转让通知书 Transfer notice'), ('settled_letter', '结清证明 Settlement letter')], max_length=20)),
                    ('title_zh', models.CharField(max_length=80)),
                    ('title_en', models.CharField(max_length=80)),
                    ('channel_code', models.CharField(blank=True, max_length=20, null=True)),
                    ('funder_code', models.CharField(blank=True, max_length=20, null=True)),
                    ('product_code', models.CharField(blank=True, max_length=20, null=True)),
                    ('mode', models.CharField(blank=True, max_length=12, null=True)),
                    ('valid_from', models.DateField()),
                    ('valid_to', models.DateField(blank=True, null=True)),
                    ('variables', models.JSONField(help_text='{name: text | money | rate | count | date | instant | flag | plan}; with ? behind it: optional')),
                    ('source', models.TextField()),
                    ('style', models.TextField()),
                    ('source_sha256', models.CharField(max_length=64)),
                    ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('approver', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('created_at', models.DateTimeField()),
                    ('approved_at', models.DateTimeField(null=True)),
                    ('state', models.CharField(choices=[('draft', '草稿 Draft'), ('approved', '已批准 Approved'), ('withdrawn', '已撤回 Withdrawn'), ('rejected', '已驳回 Rejected')], default='draft', max_length=50)),
                    ('closed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('closed_at', models.DateTimeField(null=True)),
                    ('closed_for', models.CharField(blank=True, max_length=300)),
                ],
                options={
                    'ordering': ['kind', 'code', '-version'],
                    'constraints': [models.UniqueConstraint(fields=('code', 'version'), name='contract_template_version'), models.CheckConstraint(condition=models.Q(('kind__in', ['cost_sheet', 'loan_agreement', 'guarantee', 'debit_mandate', 'account_annex', 'note', 'transfer_notice', 'settled_letter'])), name='contract_template_kind_known'), models.CheckConstraint(condition=models.Q(('approver__isnull', True), models.Q(('approver', models.F('author')), _negated=True), _connector='OR'), name='contract_template_four_eyes'), models.CheckConstraint(condition=models.Q(models.Q(('approved_at__isnull', True), ('approver__isnull', True)), models.Q(('approved_at__isnull', False), ('approver__isnull', False)), _connector='OR'), name='contract_template_approved_who_and_when'), models.CheckConstraint(condition=models.Q(('valid_to__isnull', True), ('valid_to__gte', models.F('valid_from')), _connector='OR'), name='contract_template_days_in_order'), models.CheckConstraint(condition=models.Q(models.Q(('approved_at__isnull', False), ('state', 'approved')), models.Q(('approved_at__isnull', True), ('state__in', ['draft', 'withdrawn', 'rejected'])), _connector='OR'), name='contract_template_state_and_approval'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', True), ('closed_by__isnull', True), ('state__in', ['draft', 'approved'])), models.Q(('closed_at__isnull', False), ('closed_by', models.F('author')), ('state', 'withdrawn'), models.Q(('closed_for', ''), _negated=True)), models.Q(('closed_at__isnull', False), ('state', 'rejected'), models.Q(('closed_by', models.F('author')), _negated=True), models.Q(('closed_for', ''), _negated=True)), _connector='OR'), name='contract_template_state_and_closing')],
                },
                bases=(django_fsm.FSMModelMixin, models.Model),
            ),
            migrations.CreateModel(
                name='Signature',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('drawdown', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='signatures', to='lending.drawdown')),
                    ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('otp', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.logincode')),
                    ('ip', lending.common.crypto.EncryptedTextField(help_text='Emptied when nothing is kept any more', null=True)),
                    ('documents', models.JSONField()),
                    ('set_sha256', models.CharField(max_length=64)),
                    ('cost_sheet_opened_at', models.DateTimeField(null=True)),
                    ('signed_at', models.DateTimeField()),
                ],
                options={
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='Contract',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('key', models.CharField(max_length=80, unique=True)),
                    ('attempts', models.PositiveIntegerField(default=0)),
                    ('not_before', models.DateTimeField(blank=True, null=True)),
                    ('leased_until', models.DateTimeField(blank=True, null=True)),
                    ('created_at', models.DateTimeField()),
                    ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('number', models.CharField(max_length=40, unique=True)),
                    ('drawdown', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='contracts', to='lending.drawdown')),
                    ('loan', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='contracts', to='lending.loan')),
                    ('kind', models.CharField(choices=[('cost_sheet', '综合融资成本明示表 Cost sheet'), ('loan_agreement', '借款合同 Loan agreement'), ('guarantee', '委托担保合同 Guarantee'), ('debit_mandate', '代扣授权书 Debit mandate'), ('account_annex', '收款账户变更附件 Account annex'), ('note', '借据及还款计划 Loan note'), ('transfer_notice', '债权转让通知书 Transfer notice'), ('settled_letter', '结清证明 Settlement letter')], max_length=20)),
                    ('template', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='contracts', to='contracts.template')),
                    ('state', models.CharField(choices=[('ISSUED', '已生成 Issued'), ('RENDERED', '待签署 Rendered'), ('SIGNED', '已签署 Signed'), ('SEALED', '已盖章 Sealed'), ('VOID', '已作废 Void')], default='ISSUED', max_length=50)),
                    ('values', lending.common.crypto.EncryptedJSONField()),
                    ('file', models.CharField(blank=True, help_text='Name in the file storage; encrypted there', max_length=120)),
                    ('rendered_sha256', models.CharField(blank=True, max_length=64)),
                    ('rendered_size', models.PositiveIntegerField(null=True)),
                    ('sha256', models.CharField(max_length=64, null=True)),
                    ('size', models.PositiveIntegerField(null=True)),
                    ('first_opened_at', models.DateTimeField(null=True)),
                    ('rendered_at', models.DateTimeField(null=True)),
                    ('signature', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='contracts', to='contracts.signature')),
                    ('signed_at', models.DateTimeField(null=True)),
                    ('sealed_at', models.DateTimeField(null=True)),
                    ('voided_at', models.DateTimeField(null=True)),
                    ('last_error', models.CharField(blank=True, max_length=200)),
                ],
                options={
                    'ordering': ['-id'],
                    'indexes': [models.Index(condition=models.Q(('state__in', ['SEALED', 'VOID']), _negated=True), fields=['id'], name='contract_to_do')],
                    'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['ISSUED', 'RENDERED', 'SIGNED', 'SEALED', 'VOID'])), name='contract_state_known'), models.CheckConstraint(condition=models.Q(('kind__in', ['cost_sheet', 'loan_agreement', 'guarantee', 'debit_mandate', 'account_annex', 'note', 'transfer_notice', 'settled_letter'])), name='contract_kind_known'), models.UniqueConstraint(condition=models.Q(('state', 'VOID'), _negated=True), fields=('drawdown', 'kind'), name='one_live_contract_of_a_kind'), models.CheckConstraint(condition=models.Q(models.Q(('signature__isnull', True), ('signed_at__isnull', True)), models.Q(('signature__isnull', False), ('signed_at__isnull', False)), _connector='OR'), name='contract_signed_who_and_when'), models.CheckConstraint(condition=models.Q(('state__in', ['ISSUED', 'VOID']), models.Q(('rendered_at__isnull', False), ('rendered_size__gt', 0), ('rendered_size__isnull', False), ('sha256__isnull', False), ('size__gt', 0), ('size__isnull', False), models.Q(('rendered_sha256', ''), _negated=True), models.Q(('file', ''), _negated=True)), _connector='OR'), name='contract_rendered_has_its_file'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'SIGNED'), _negated=True), ('signed_at__isnull', False), _connector='OR'), name='contract_signed_has_signature'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'SEALED'), _negated=True), models.Q(('sealed_at__isnull', False), ('sha256__isnull', False), models.Q(('signed_at__isnull', False), ('kind__in', ('note', 'transfer_notice', 'settled_letter')), _connector='OR')), _connector='OR'), name='contract_sealed_has_its_hash'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'VOID'), ('voided_at__isnull', False)), models.Q(models.Q(('state', 'VOID'), _negated=True), ('voided_at__isnull', True)), _connector='OR'), name='contract_void_says_when')],
                },
                bases=(django_fsm.FSMModelMixin, models.Model),
            ),
        ]),
    ]
