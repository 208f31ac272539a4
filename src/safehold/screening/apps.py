"""Django's registration of the room."""

from django.apps import AppConfig


class ScreeningConfig(AppConfig):
    name = "safehold.screening"
    label = "screening"
