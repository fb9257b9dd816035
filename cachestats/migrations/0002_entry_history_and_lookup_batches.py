"""The narrow table keeps why entries went; look-ups are kept in batches instead of one by one."""

import struct

from django.db import migrations, models

import cachestats.models.entries


def keep_samples(apps, schema_editor):
    """Turn each counted look-up into a batch of one."""
    using = schema_editor.connection.alias
    batches = apps.get_model("cachestats", "LookupBatch").objects.using(using)
    samples = apps.get_model("cachestats", "Sample").objects.using(using)
    batches.bulk_create(
        (
            batches.model(
                at=sample.at,
                cache_type=sample.cache_type,
                model=sample.model,
                state=sample.state,
                reason="bypassed" if sample.state == "bypass" else "",
                count=1,
                latency_ms=sample.latency_ms,
                latencies_ms=struct.pack("<f", sample.latency_ms),
                costs_ms=b"" if sample.cost_ms is None else struct.pack("<f", sample.cost_ms),
            )
            for sample in samples.iterator()
        ),
        batch_size=500,
    )


def begin_generations(apps, schema_editor):
    """Make the one row, which whoever stores an answer locks against purges."""
    using = schema_editor.connection.alias
    apps.get_model("cachestats", "Generation").objects.using(using).get_or_create(id=1)


class Migration(migrations.Migration):
    dependencies = [
        ("cachestats", "0001_initial"),
    ]

    operations = [
        # Nobody knows which content the old rows belong to; the sweep lists their entries anew.
        migrations.DeleteModel(name="EntryUse"),
        migrations.CreateModel(
            name="EntryTotal",
            fields=[
                ("cache_type", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("entries", models.BigIntegerField(default=0)),
                ("size_bytes", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="EntryUse",
            fields=[
                (
                    "id",
                    cachestats.models.entries.RowIdField(
                        help_text="The entry's id", primary_key=True, serialize=False
                    ),
                ),
                (
                    "content_id",
                    models.BigIntegerField(help_text="The same for the same content and type"),
                ),
                ("marks", models.TextField(help_text="A short hash of each parameter, JSON")),
                ("cache_type", models.CharField(max_length=40)),
                ("model", models.CharField(blank=True, max_length=200)),
                ("size_bytes", models.IntegerField()),
                ("cost_ms", models.FloatField(null=True)),
                ("expires_ms", models.BigIntegerField(help_text="Milliseconds since 1970")),
                ("hits", models.BigIntegerField(default=0)),
                (
                    "used_ms",
                    models.BigIntegerField(help_text="Stored or last hit; milliseconds since 1970"),
                ),
                (
                    "gone",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("expired", "Expired"),
                            ("evicted", "Evicted"),
                            ("purged", "Purged"),
                        ],
                        max_length=10,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Failure",
            fields=[
                (
                    "id",
                    cachestats.models.entries.RowIdField(
                        help_text="The key's row id", primary_key=True, serialize=False
                    ),
                ),
                ("token", models.BigIntegerField(help_text="Tells one failure from the next")),
                ("error", models.TextField(help_text="The exception's class and arguments, JSON")),
                ("at_ms", models.BigIntegerField(help_text="Milliseconds since 1970")),
            ],
        ),
        migrations.CreateModel(
            name="Generation",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("number", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="LookupBatch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(db_index=True)),
                ("cache_type", models.CharField(max_length=40)),
                ("model", models.CharField(blank=True, max_length=200)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("hit", "Hit"),
                            ("miss", "Miss"),
                            ("collapsed", "Collapsed"),
                            ("bypass", "Bypass"),
                        ],
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=80)),
                ("count", models.IntegerField()),
                (
                    "latency_ms",
                    models.FloatField(help_text="Sum over the look-ups, computing included"),
                ),
                ("latencies_ms", models.BinaryField()),
                (
                    "costs_ms",
                    models.BinaryField(help_text="Of computing the answers; empty where none was"),
                ),
            ],
            options={
                "verbose_name_plural": "lookup batches",
                "ordering": ["-at"],
            },
        ),
        migrations.RunPython(
            keep_samples, migrations.RunPython.noop, hints={"model_name": "sample"}
        ),
        migrations.DeleteModel(
            name="Sample",
        ),
        migrations.RunPython(
            begin_generations, migrations.RunPython.noop, hints={"model_name": "generation"}
        ),
        migrations.AlterModelOptions(
            name="cacheentry",
            options={"ordering": ["id"], "verbose_name_plural": "cache entries"},
        ),
        migrations.AlterField(
            model_name="cacheentry",
            name="expires_ms",
            field=models.BigIntegerField(help_text="Milliseconds since 1970"),
        ),
        migrations.AddIndex(
            model_name="entryuse",
            index=models.Index(fields=["content_id"], name="entryuse_content"),
        ),
        migrations.AddIndex(
            model_name="entryuse",
            index=models.Index(
                condition=models.Q(("gone", "")), fields=["used_ms"], name="entryuse_used"
            ),
        ),
        migrations.AddIndex(
            model_name="entryuse",
            index=models.Index(
                condition=models.Q(("gone", "")), fields=["expires_ms"], name="entryuse_expires"
            ),
        ),
        migrations.AddIndex(
            model_name="entryuse",
            index=models.Index(
                condition=models.Q(("gone", ""), _negated=True),
                fields=["used_ms"],
                name="entryuse_gone",
            ),
        ),
    ]
