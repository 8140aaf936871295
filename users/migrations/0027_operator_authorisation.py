"""A phone operator's report is read only while the number's holder lets it be, at the carrier, under a live consent."""

import django.db.models.deletion
import django_fsm
import lending.common.crypto
from django.conf import settings
from django.db import migrations, models


NEEDS_CONSENT = """
CREATE FUNCTION users_operator_needs_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM users_require_live_consent(
        NEW.consent_id, NEW.user_id, NEW.recipient, coalesce(NEW.leased_until, NEW.authorised_at, NEW.created_at));
    RETURN NEW;
END $$;
CREATE TRIGGER users_operator_needs_consent_on_insert BEFORE INSERT ON users_operatorauthorisation
    FOR EACH ROW EXECUTE FUNCTION users_operator_needs_consent();
CREATE TRIGGER users_operator_needs_consent_on_claim BEFORE UPDATE OF leased_until ON users_operatorauthorisation
    FOR EACH ROW WHEN (NEW.leased_until IS NOT NULL) EXECUTE FUNCTION users_operator_needs_consent();
CREATE TRIGGER users_operator_needs_consent_to_be_live BEFORE UPDATE OF state ON users_operatorauthorisation
    FOR EACH ROW WHEN (NEW.state = 'authorised') EXECUTE FUNCTION users_operator_needs_consent();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0026_configuration_changes'),
    ]

    operations = [
        migrations.CreateModel(
            name='OperatorAuthorisation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=80, unique=True)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('not_before', models.DateTimeField(blank=True, null=True)),
                ('leased_until', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('started', 'Being begun at the carrier'), ('code_sent', 'The carrier has sent a code'), ('redirected', "The carrier's page is open"), ('authorised', 'Authorised'), ('expired', 'Over'), ('refused', 'Refused')], default='started', max_length=50)),
                ('recipient', models.CharField(max_length=40)),
                ('phone_index', models.CharField(editable=False, max_length=64)),
                ('carrier', models.CharField(blank=True, max_length=32)),
                ('page', lending.common.crypto.EncryptedTextField(blank=True, help_text="The carrier's page, while it is open", null=True)),
                ('code', lending.common.crypto.EncryptedTextField(blank=True, help_text='What was typed, until the carrier has looked at it', null=True)),
                ('tries', models.PositiveSmallIntegerField(default=0, help_text='Codes typed')),
                ('token', lending.common.crypto.EncryptedTextField(blank=True, help_text='What the report is asked with, while it is live', null=True)),
                ('why', models.CharField(blank=True, choices=[('wrong_code', 'The last code was wrong'), ('wrong_codes', 'Too many wrong codes'), ('refused', 'Refused at the carrier'), ('not_possible', "The carrier does not know the number as the borrower's"), ('no_answer', 'The carrier did not answer'), ('not_finished', 'Not finished in time'), ('begun_again', 'Begun again'), ('run_out', 'Its time ran out'), ('not_taken', 'The carrier takes it no more'), ('consent_withdrawn', 'The consent was withdrawn'), ('other_phone', 'The borrower has another number'), ('erased', 'The account was erased')], max_length=20)),
                ('authorised_at', models.DateTimeField(blank=True, null=True)),
                ('valid_until', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ('-pk',),
            },
            bases=(django_fsm.FSMModelMixin, models.Model),
        ),
        migrations.AddField(
            model_name='source',
            name='authorisation',
            field=models.CharField(blank=True, choices=[('operator', "The phone operator's own")], default='', help_text="That the borrower gives to the data's owner; without a live one the source is not asked", max_length=16, verbose_name='needs the authorisation'),
        ),
        migrations.AlterField(
            model_name='source',
            name='scenario',
            field=models.CharField(choices=[('admission', 'Admission'), ('identity', 'Identity check'), ('antifraud', 'Anti-fraud'), ('credit', 'Credit'), ('drawdown', 'Drawdown'), ('card', 'Card check'), ('message', 'Messages'), ('document', 'Reading of a document'), ('authorisation', 'Authorisation by the borrower')], max_length=16),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.CheckConstraint(condition=models.Q(('authorisation__in', ['', 'operator'])), name='users_source_authorisation_known'),
        ),
        migrations.AddField(
            model_name='operatorauthorisation',
            name='consent',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.consent'),
        ),
        migrations.AddField(
            model_name='operatorauthorisation',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='operator_authorisations', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='operatorauthorisation',
            index=models.Index(fields=['user', '-created_at'], name='users_operator_latest'),
        ),
        migrations.AddIndex(
            model_name='operatorauthorisation',
            index=models.Index(condition=models.Q(('state', 'authorised')), fields=['valid_until'], name='users_operator_runs_out'),
        ),
        migrations.AddConstraint(
            model_name='operatorauthorisation',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['started', 'code_sent', 'redirected', 'authorised'])), fields=('user',), name='users_operator_one_live'),
        ),
        migrations.AddConstraint(
            model_name='operatorauthorisation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('authorised_at__isnull', False), ('state', 'authorised'), ('valid_until__isnull', False)), models.Q(('authorised_at__isnull', False), ('state', 'expired'), ('valid_until__isnull', False)), models.Q(models.Q(('state', 'authorised'), _negated=True), ('authorised_at__isnull', True), ('valid_until__isnull', True)), _connector='OR'), name='users_operator_authorised_until'),
        ),
        migrations.AddConstraint(
            model_name='operatorauthorisation',
            constraint=models.CheckConstraint(condition=models.Q(('valid_until__isnull', True), ('valid_until__gt', models.F('authorised_at')), _connector='OR'), name='users_operator_valid_after'),
        ),
        migrations.AddConstraint(
            model_name='operatorauthorisation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'authorised'), ('token__isnull', False)), models.Q(models.Q(('state', 'authorised'), _negated=True), ('token__isnull', True)), _connector='OR'), name='users_operator_token_while_live'),
        ),
        migrations.AddConstraint(
            model_name='operatorauthorisation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('page__isnull', False), ('state', 'redirected')), models.Q(models.Q(('state', 'redirected'), _negated=True), ('page__isnull', True)), _connector='OR'), name='users_operator_page_while_open'),
        ),
        migrations.AddConstraint(
            model_name='operatorauthorisation',
            constraint=models.CheckConstraint(condition=models.Q(('state', 'code_sent'), ('code__isnull', True), _connector='OR'), name='users_operator_code_while_asked'),
        ),
        migrations.AddConstraint(
            model_name='operatorauthorisation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', False), ('state__in', ['expired', 'refused'])), models.Q(models.Q(('state__in', ['expired', 'refused']), _negated=True), ('ended_at__isnull', True)), _connector='OR'), name='users_operator_over_since'),
        ),
        migrations.RunSQL(
            NEEDS_CONSENT,
            "DROP TRIGGER users_operator_needs_consent_on_insert ON users_operatorauthorisation;"
            "DROP TRIGGER users_operator_needs_consent_on_claim ON users_operatorauthorisation;"
            "DROP TRIGGER users_operator_needs_consent_to_be_live ON users_operatorauthorisation;"
            "DROP FUNCTION users_operator_needs_consent()",
        ),
    ]
