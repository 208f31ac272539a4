"""See 0003."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("evidence", "0003_no_keys_here")]

    operations = [
        migrations.DeleteModel("KeyRow"),
    ]
