"""Django's registration of the room."""

from django.apps import AppConfig


class SubjectsConfig(AppConfig):
    name = "safehold.subjects"
    label = "subjects"
