"""When the schedule last pruned, and what went."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cachestats", "0005_entry_indexes")]

    operations = [
        migrations.CreateModel(
            "RetentionRun",
            [
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("begun_at", models.DateTimeField()),
                ("seconds", models.FloatField(null=True)),
                ("removed", models.JSONField(default=dict)),
            ],
        ),
    ]
