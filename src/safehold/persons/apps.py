"""Django's registration of the room."""

from django.apps import AppConfig


class PersonsConfig(AppConfig):
    name = "safehold.persons"
    label = "persons"
