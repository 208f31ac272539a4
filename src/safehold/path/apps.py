"""Django's registration of the room. Importing the step modules registers their jobs."""

from django.apps import AppConfig


class PathConfig(AppConfig):
    name = "safehold.path"
    label = "path"

    def ready(self) -> None:
        from safehold.path import (  # noqa: F401
            actions,
            arrivals,
            automation,
            bank,
            custody,
            exchanges,
            filing,
            hits,
            housekeeping,
            indexing,
            removal_letters,
            removal_steps,
            rescreening,
            reversal,
            snapshot,
            statements,
            unseen,
        )
