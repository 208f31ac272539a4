"""Django's registration of the room."""

from django.apps import AppConfig


class WorkConfig(AppConfig):
    name = "safehold.work"
    label = "work"
