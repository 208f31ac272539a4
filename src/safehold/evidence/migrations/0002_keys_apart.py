"""Wrapped keys move from the main database to the key store, each row checked there before the table goes."""

from django.db import migrations, models


def move_keys(apps, schema_editor):
    """Idempotent: a row that an earlier, cut-off run put there already is compared, not put again."""
    from safehold.evidence import keys, keystore

    rows = apps.get_model("evidence", "KeyRow").objects.all()
    if not rows.exists():
        return
    pair = keys.current_id()
    for row in rows.iterator():
        object_id, wrapped = str(row.sealed_id), bytes(row.wrapped)
        known = keystore.get(object_id)
        if known is None:
            keystore.put(object_id, wrapped, pair, made_at=row.made_at.isoformat())
            known = keystore.get(object_id)
        if known is None or known.wrapped != wrapped:
            raise RuntimeError(f"The key store has another key for sealed:{object_id}. Nothing was removed.")


def fill_certificates(apps, schema_editor):
    """What was destroyed before had its key in the main database: it went at once, its copies with that database's."""
    apps.get_model("evidence", "Certificate").objects.filter(key_gone_at=None).update(key_gone_at=models.F("at"))


class Migration(migrations.Migration):

    dependencies = [("evidence", "0001_initial")]

    operations = [
        migrations.RunPython(move_keys, migrations.RunPython.noop),
        migrations.AddField("certificate", "key_gone_at", models.DateTimeField(null=True)),
        migrations.AddField("certificate", "last_copy_until", models.DateTimeField(null=True)),
        migrations.RunPython(fill_certificates, migrations.RunPython.noop),
    ]
