"""Tokens know whether they are a service's; what accounts look like says it no more."""

from django.contrib.auth.hashers import is_password_usable
from django.db import migrations, models


def mark_services(apps, schema_editor):
    """Mark the tokens of accounts that nobody ever signed in with, which are services' so far."""
    tokens = apps.get_model("perfsite", "AccessToken").objects.using(schema_editor.connection.alias)
    passwords = tokens.filter(user__last_login=None).values_list("user_id", "user__password")
    services = {
        user_id
        for user_id, password in passwords.distinct()
        if not (password and is_password_usable(password))
    }
    tokens.filter(user_id__in=services).update(service=True)


class Migration(migrations.Migration):
    dependencies = [("perfsite", "0003_roles")]

    operations = [
        migrations.AddField(
            "accesstoken", "service", models.BooleanField(default=False, editable=False)
        ),
        migrations.RunPython(mark_services, migrations.RunPython.noop, elidable=True),
    ]
