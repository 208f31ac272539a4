"""Django's registration of the room."""

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "safehold.notices"
    label = "notices"
