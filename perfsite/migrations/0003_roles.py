"""Makes the groups viewer, operator and admin, and keeps for the staff what it could do before."""

from django.conf import settings
from django.db import migrations

from perfsite.roles import OPERATOR, make_groups

# What `is_staff` opened beside what an operator may: the configuration and everybody's tokens.
OPENED = {
    "cachestats": ("add_configrevision",),
    "perfsite": ("view_accesstoken", "add_accesstoken", "delete_accesstoken"),
}


def make_roles(apps, schema_editor):
    make_groups(apps, schema_editor.connection.alias)


def keep_what_staff_could_do(apps, schema_editor):
    """Give the staff what `is_staff` opened before there were groups, and nobody else's words."""
    using = schema_editor.connection.alias
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    opened = [
        permission
        for app_label, names in OPENED.items()
        for permission in permissions.filter(content_type__app_label=app_label, codename__in=names)
    ]
    operators = apps.get_model("auth", "Group").objects.using(using).get(name=OPERATOR)
    people = apps.get_model("auth", "User").objects.using(using)
    for person in people.filter(is_staff=True, is_superuser=False):
        person.groups.add(operators)
        person.user_permissions.add(*opened)


class Migration(migrations.Migration):
    dependencies = [
        ("perfsite", "0002_token_use_and_issuers"),
        # What the groups are given are permissions of these.
        ("cachestats", "0004_lookup_spans"),
        ("enrichment", "0007_dashboard"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(make_roles, migrations.RunPython.noop),
        migrations.RunPython(keep_what_staff_could_do, migrations.RunPython.noop, elidable=True),
    ]
