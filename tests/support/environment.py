"""The environment of a test run, set before anything reads Django's settings.

Loaded by `addopts = "-p tests.support.environment"`: pytest-django reads the settings before any
conftest.py runs.
"""

import os
import tempfile

DATA = tempfile.mkdtemp(prefix="safehold-test-")
for _name in [name for name in os.environ if name.startswith("SAFEHOLD_")]:
    if not _name.startswith(("SAFEHOLD_TEST_", "SAFEHOLD_SYNAPSE", "SAFEHOLD_CHROMIUM", "SAFEHOLD_SCREENSHOTS")):
        del os.environ[_name]
os.environ["DJANGO_SETTINGS_MODULE"] = "safehold.app.settings"
os.environ["SAFEHOLD_DATA"] = DATA
os.environ["SAFEHOLD_DATABASE_URL"] = os.environ.get("SAFEHOLD_TEST_DATABASE_URL", f"sqlite:///{DATA}/safehold.sqlite3")
os.environ["SAFEHOLD_UK_REGISTRATION"], os.environ["SAFEHOLD_UK_REGISTERED_ON"] = "REG-17", "2026-04-07"
