"""Django's registration of the room."""

from django.apps import AppConfig


class PathConfig(AppConfig):
    name = "safehold.path"
    label = "path"
