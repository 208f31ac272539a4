"""Django's registration of the room."""

from django.apps import AppConfig


class TransparencyConfig(AppConfig):
    name = "safehold.transparency"
    label = "transparency"
