"""Five kinds: an item's native parts, a folder's section, and in a restore's journal each item's version as it was read back."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="folder", name="section", field=models.CharField(default="primary", max_length=20)
        ),
        migrations.AddField(model_name="item", name="native", field=models.JSONField(null=True)),
        migrations.AddField(model_name="restoreline", name="version", field=models.TextField(default="")),
    ]
