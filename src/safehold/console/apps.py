"""Django's registration of the room."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "safehold.console"
    label = "console"

    def ready(self) -> None:
        """Connect the record of sign-ins."""
        from safehold.console import accounts  # noqa: F401
