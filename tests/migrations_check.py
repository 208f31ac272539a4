"""Fails where a model changed without its migration. Run by `make migrations`."""

import os
import tempfile

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "safehold.app.settings")
    os.environ["SAFEHOLD_DATA"] = tempfile.mkdtemp(prefix="safehold-migrations-")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("makemigrations", check=True, dry_run=True)
