"""Django's registration of the room."""

from django.apps import AppConfig


class HostsConfig(AppConfig):
    name = "safehold.hosts"
    label = "hosts"
