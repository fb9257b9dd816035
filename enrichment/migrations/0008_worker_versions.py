from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("enrichment", "0007_dashboard")]

    operations = [
        migrations.AddField(
            model_name="workerheartbeat",
            name="version",
            field=models.CharField(default="", help_text="Of the code that it runs", max_length=40),
        ),
        migrations.AddField(
            model_name="workerheartbeat",
            name="schema",
            field=models.CharField(
                default="", help_text="The newest migrations that it knows", max_length=200
            ),
        ),
    ]
