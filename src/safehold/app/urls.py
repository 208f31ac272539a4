"""Every address of the web process. The screening path is served beside Django, see `asgi`."""

from django.urls import include, path

urlpatterns = [
    path("", include("safehold.public.urls")),
    path("api/v1/", include("safehold.api.urls")),
    path("console/", include("safehold.console.urls")),
    path("transparency/", include("safehold.transparency.urls")),
]
