"""Look-ups are added up by spans of time, latencies kept as histograms, and entries weighed."""

import struct
from itertools import pairwise

from django.db import migrations, models

from cachestats.histograms import Histogram

STATES = [("hit", "Hit"), ("miss", "Miss"), ("collapsed", "Collapsed"), ("bypass", "Bypass")]
ROWS = 500


def make_histograms(apps, schema_editor):
    """Turn the latencies that were kept of each batch into histograms; upkeep moves them on."""
    connection = schema_editor.connection
    model = apps.get_model("cachestats", "LookupBatch")
    batches = model.objects.using(connection.alias).order_by("id")
    # There may be a million, for which bulk_update() takes minutes more.
    write = (
        "UPDATE cachestats_lookupbatch SET latencies = %s, costs = %s, cost_ms = %s WHERE id = %s"
    )
    columns = ("id", "count", "latencies_ms", "costs_ms")
    last = 0
    with connection.cursor() as cursor:
        while some := list(batches.filter(id__gt=last).values_list(*columns)[:ROWS]):
            cursor.executemany(write, [_converted(*row) for row in some])
            last = some[-1][0]


def _converted(batch_id, count, latencies_ms, costs_ms):
    latencies, costs = _floats(latencies_ms), _floats(costs_ms)
    cost_ms = sum(costs) * count / max(1, len(costs))
    return _histogram(latencies, count), _histogram(costs, count), cost_ms, batch_id


def drop_batches(apps, schema_editor):
    """On the way back look-ups are lost: what they were added to goes, and single ones are gone."""
    using = schema_editor.connection.alias
    apps.get_model("cachestats", "LookupBatch").objects.using(using).all().delete()


def _floats(packed):
    return struct.unpack(f"<{len(packed) // 4}f", packed)


def _histogram(values, count):
    """Each value stood for count / length look-ups, which is no whole number."""
    reached = [count * place // len(values) for place in range(len(values) + 1)] if values else []
    weights = [end - start for start, end in pairwise(reached)]
    return Histogram.weighted(zip(values, weights, strict=True)).pack()


class Migration(migrations.Migration):
    dependencies = [
        ("cachestats", "0003_api"),
    ]

    operations = [
        migrations.CreateModel(
            name="LookupSpan",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("cache_type", models.CharField(max_length=40)),
                ("model", models.CharField(blank=True, max_length=200)),
                ("state", models.CharField(choices=STATES, max_length=10)),
                ("reason", models.CharField(blank=True, max_length=80)),
                ("count", models.BigIntegerField()),
                (
                    "latency_ms",
                    models.FloatField(help_text="Sum over the look-ups, computing included"),
                ),
                (
                    "cost_ms",
                    models.FloatField(
                        default=0, help_text="Sum over the answers that were computed"
                    ),
                ),
                ("latencies", models.BinaryField()),
                ("costs", models.BinaryField()),
                (
                    "seconds",
                    models.IntegerField(
                        choices=[
                            (60, "Minute"),
                            (900, "Quarter Hour"),
                            (3600, "Hour"),
                            (21600, "Quarter Day"),
                            (86400, "Day"),
                        ]
                    ),
                ),
                ("computed", models.BooleanField()),
            ],
            options={
                "ordering": ["-at", "seconds"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=(
                            "seconds",
                            "at",
                            "cache_type",
                            "model",
                            "state",
                            "reason",
                            "computed",
                        ),
                        name="one_row_of_a_span",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="WorthSnapshot",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("begun_at", models.DateTimeField()),
                ("at", models.DateTimeField(null=True)),
                ("entries", models.BigIntegerField(default=0)),
                ("size_bytes", models.BigIntegerField(default=0)),
                ("dead_entries", models.BigIntegerField(default=0)),
                ("dead_bytes", models.BigIntegerField(default=0)),
                ("curve", models.JSONField(default=list)),
            ],
        ),
        migrations.AddField(
            model_name="lookupbatch",
            name="cost_ms",
            field=models.FloatField(default=0, help_text="Sum over the answers that were computed"),
        ),
        migrations.AddField(
            model_name="lookupbatch",
            name="latencies",
            field=models.BinaryField(default=b""),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="lookupbatch",
            name="costs",
            field=models.BinaryField(default=b""),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="lookupbatch", name="count", field=models.BigIntegerField()
        ),
        migrations.RunPython(
            make_histograms, migrations.RunPython.noop, hints={"model_name": "lookupbatch"}
        ),
        migrations.RemoveField(model_name="lookupbatch", name="latencies_ms"),
        migrations.RemoveField(model_name="lookupbatch", name="costs_ms"),
        migrations.RunPython(
            migrations.RunPython.noop, drop_batches, hints={"model_name": "lookupbatch"}
        ),
    ]
