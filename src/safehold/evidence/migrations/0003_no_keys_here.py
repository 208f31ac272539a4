"""The table of wrapped keys goes, in a transaction of its own: PostgreSQL changes no table that has pending rows."""

from django.db import migrations


def overwrite(apps, schema_editor):
    """Have the keys' bytes overwritten before their table is dropped."""
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("PRAGMA secure_delete = ON")
    for row in apps.get_model("evidence", "KeyRow").objects.all():
        row.wrapped = bytes(len(bytes(row.wrapped)))
        row.save(update_fields=["wrapped"])


class Migration(migrations.Migration):

    dependencies = [("evidence", "0002_keys_apart")]

    operations = [
        migrations.RunPython(overwrite, migrations.RunPython.noop),
    ]
