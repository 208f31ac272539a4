"""Django's registration of the room."""

from django.apps import AppConfig


class AuthoritiesConfig(AppConfig):
    name = "safehold.authorities"
    label = "authorities"
