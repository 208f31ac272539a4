"""Django's registration of the room."""

from django.apps import AppConfig


class StaffConfig(AppConfig):
    name = "safehold.staff"
    label = "staff"
