"""Django's WSGI application."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "safehold.app.settings")

from django.core.wsgi import get_wsgi_application  # noqa: E402

application = get_wsgi_application()
