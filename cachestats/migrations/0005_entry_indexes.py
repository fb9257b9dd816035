"""Lists find entries of a type and model, and those with the most hits, by an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cachestats", "0004_lookup_spans"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="entryuse",
            index=models.Index(
                condition=models.Q(("gone", "")),
                fields=["cache_type", "model", "created_ms"],
                name="entryuse_kind",
            ),
        ),
        migrations.AddIndex(
            model_name="entryuse",
            index=models.Index(
                condition=models.Q(("gone", ""), ("hits__gt", 0)),
                fields=["hits", "id"],
                name="entryuse_hits",
            ),
        ),
    ]
