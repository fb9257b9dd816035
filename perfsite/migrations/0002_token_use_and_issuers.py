"""Tokens get an id to be spoken of by, the token that issued them, and when they were last used."""

import uuid

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def give_ids(apps, _schema_editor):
    """Give each token an id of its own: a column's default is one value for all rows."""
    tokens = apps.get_model("perfsite", "AccessToken").objects
    for digest in tokens.values_list("digest", flat=True):
        tokens.filter(digest=digest).update(public_id=uuid.uuid4())


def bind_by_name(apps, schema_editor):
    """On the way back a person's own tokens name that person; with no owner they'd reach more."""
    using = schema_editor.connection.alias
    person = apps.get_model("auth", "User").objects.filter(id=OuterRef("user_id"))
    tokens = apps.get_model("perfsite", "AccessToken").objects.using(using)
    tokens.filter(owner=None).update(owner=Subquery(person.values("username")))


class Migration(migrations.Migration):
    dependencies = [("perfsite", "0001_access_tokens")]

    operations = [
        migrations.AddField("accesstoken", "public_id", models.UUIDField(null=True)),
        migrations.RunPython(give_ids, migrations.RunPython.noop, elidable=True),
        migrations.AlterField(
            "accesstoken",
            "public_id",
            models.UUIDField(default=uuid.uuid4, editable=False, unique=True),
        ),
        migrations.AlterField(
            "accesstoken",
            "owner",
            models.CharField(
                blank=True,
                default="",
                help_text="The only owner whose reflections it reaches",
                max_length=150,
                null=True,
            ),
        ),
        migrations.RunPython(migrations.RunPython.noop, bind_by_name),
        migrations.AddField(
            "accesstoken",
            "issuer",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="issued",
                to="perfsite.accesstoken",
            ),
        ),
        migrations.AddField(
            "accesstoken", "last_used_at", models.DateTimeField(blank=True, null=True)
        ),
        migrations.AddIndex(
            "accesstoken", models.Index(fields=["created", "public_id"], name="token_created")
        ),
        migrations.AddIndex("accesstoken", models.Index(fields=["expiry"], name="token_expiry")),
    ]
