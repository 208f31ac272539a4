"""The peer: a bare Django view that stores one row and answers 303. No middleware, no room of Safehold's.

Served as Safehold is (uvicorn, a2wsgi, ten threads) on a database of its own with the same settings.
"""

import os
from pathlib import Path
from typing import Any

import django
from a2wsgi import WSGIMiddleware
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection, models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path

from safehold.app import config


def _database() -> dict[str, Any]:
    """A file beside Safehold's, or a table in the same PostgreSQL database."""
    url = os.environ["SAFEHOLD_DATABASE_URL"]
    folder = Path(os.environ["BENCH_PEER_DATA"])
    folder.mkdir(parents=True, exist_ok=True)
    return config.database(f"sqlite:///{folder}/peer.sqlite3" if url.startswith("sqlite") else url)


settings.configure(
    DATABASES={"default": _database()},
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["127.0.0.1"],
    SECRET_KEY="of no use to anybody: this process signs nothing",  # noqa: S106
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()


TABLE = "bench_peer_note"


class Note(models.Model):
    """One row, about as large as a report's own."""

    text = models.CharField(max_length=500)
    links = models.CharField(max_length=500)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "bench"
        db_table = TABLE

    def __str__(self) -> str:
        return f"note {self.pk}"


with connection.schema_editor() as _editor:
    if TABLE not in connection.introspection.table_names():
        _editor.create_model(Note)
connection.close()


def note(request: HttpRequest) -> HttpResponse:
    """GET answers at once; POST stores one row first."""
    if request.method != "POST":
        return HttpResponse("up")
    row = Note.objects.create(text=request.POST["reason"], links=request.POST["links"])
    return HttpResponseRedirect(f"/{row.pk}", status=303)


urlpatterns = [path("", note)]
app = WSGIMiddleware(get_wsgi_application(), workers=10)
