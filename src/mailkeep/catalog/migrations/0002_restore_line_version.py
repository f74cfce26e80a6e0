"""A restore's journal keeps each item's version as it was read back."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="restoreline",
            name="version",
            field=models.TextField(default=""),
        ),
    ]
