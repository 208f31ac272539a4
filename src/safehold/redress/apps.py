"""Django's registration of the room."""

from django.apps import AppConfig


class RedressConfig(AppConfig):
    name = "safehold.redress"
    label = "redress"
