"""Django's registration of the room."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "safehold.console"
    label = "console"
