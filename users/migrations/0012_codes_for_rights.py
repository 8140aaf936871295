from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0011_consent_rules'),
    ]

    operations = [
        migrations.AlterField(
            model_name='logincode',
            name='purpose',
            field=models.CharField(choices=[('login', 'Sign in'), ('consent', 'Give a consent'), ('card', 'Bind a bank card'), ('sign', 'Sign the contract set'), ('export', "Take away one's data"), ('erase', 'Have the account erased')], max_length=8),
        ),
    ]
