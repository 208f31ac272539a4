"""Settings with this room and those below it alone: what a crash test's short-lived process loads."""

from safehold.app.settings import *  # noqa: F403
from safehold.app.settings import INSTALLED_APPS as _ALL

_ROOMS = {"audit", "work", "subjects", "screening"}
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    *(app for app in _ALL if app.removeprefix("safehold.") in _ROOMS and app.startswith("safehold.")),
]
ROOT_URLCONF = "tests.screening.exchanges.exchange_settings"
urlpatterns: list[object] = []
