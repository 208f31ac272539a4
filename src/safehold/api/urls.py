"""Addresses under /api/v1/. What is none of them answers in JSON too."""

from django.urls import URLPattern, URLResolver, path

from safehold.api import problems
from safehold.api.routes import api

urlpatterns: list[URLPattern | URLResolver] = [
    path("", problems.unknown_path),
    path("", api.urls),
    path("<path:rest>", problems.unknown_path),
]
