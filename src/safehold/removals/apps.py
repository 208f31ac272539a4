"""Django's registration of the room."""

from django.apps import AppConfig


class RemovalsConfig(AppConfig):
    name = "safehold.removals"
    label = "removals"
