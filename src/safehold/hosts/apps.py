"""Django's registration of the room; its adapters make themselves known here."""

from importlib import import_module

from django.apps import AppConfig

ADAPTERS = ("webhook", "matrix")


class HostsConfig(AppConfig):
    name = "safehold.hosts"
    label = "hosts"

    def ready(self) -> None:
        for adapter in ADAPTERS:
            import_module(f"safehold.hosts.{adapter}")
