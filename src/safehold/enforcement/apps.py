"""Django's registration of the room."""

from django.apps import AppConfig


class EnforcementConfig(AppConfig):
    name = "safehold.enforcement"
    label = "enforcement"
