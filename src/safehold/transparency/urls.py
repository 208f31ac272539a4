"""Addresses of the figures."""

from django.urls import path

from safehold.transparency import views

app_name = "transparency"
urlpatterns = [
    path("", views.index, name="index"),
    path("figures.json", views.download, name="download"),
]
