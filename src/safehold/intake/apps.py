"""Django's registration of the room."""

from django.apps import AppConfig


class IntakeConfig(AppConfig):
    name = "safehold.intake"
    label = "intake"
