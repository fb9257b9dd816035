"""Samples of the queue are merged into hours and days too: each says how long its span is."""

from django.db import migrations, models

QUARTER_SECONDS = 900


def tell_quarters(apps, schema_editor):
    samples = apps.get_model("enrichment", "QueueSample").objects
    merged = samples.using(schema_editor.connection.alias).filter(merged=True)
    merged.update(seconds=QUARTER_SECONDS)


class Migration(migrations.Migration):
    dependencies = [("enrichment", "0007_dashboard")]

    operations = [
        migrations.AddField(
            "queuesample",
            "seconds",
            models.PositiveIntegerField(default=60, help_text="How long the span is"),
        ),
        migrations.RunPython(tell_quarters, migrations.RunPython.noop),
        migrations.RemoveField("queuesample", "merged"),
        migrations.AlterField(
            "queuesample",
            "at",
            models.DateTimeField(unique=True, help_text="When the span begins"),
        ),
    ]
