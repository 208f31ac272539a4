"""Django's registration of the room."""

from django.apps import AppConfig


class PublicConfig(AppConfig):
    name = "safehold.public"
    label = "public"

    def ready(self) -> None:
        """Secret addresses stay out of the logs of every process."""
        from safehold.public import logs

        logs.attach()
