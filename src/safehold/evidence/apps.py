"""Django's registration of the room."""

from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    name = "safehold.evidence"
    label = "evidence"
