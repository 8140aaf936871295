from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0019_self_collected'),
    ]

    operations = [
        migrations.AddField(
            model_name='message',
            name='price_cents',
            field=models.PositiveIntegerField(default=0, help_text='Of a message that went out'),
        ),
        migrations.AddIndex(
            model_name='check',
            index=models.Index(fields=['checked_at'], name='users_check_answered'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['done_at'], name='users_message_done'),
        ),
    ]
