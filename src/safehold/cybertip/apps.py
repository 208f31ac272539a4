"""Django's registration of the room."""

from django.apps import AppConfig


class CybertipConfig(AppConfig):
    name = "safehold.cybertip"
    label = "cybertip"
