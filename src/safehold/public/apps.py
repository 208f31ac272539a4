"""Django's registration of the room."""

from django.apps import AppConfig


class PublicConfig(AppConfig):
    name = "safehold.public"
    label = "public"
