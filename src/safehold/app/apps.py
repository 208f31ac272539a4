"""Django's registration of the application room."""

from django.apps import AppConfig


class AppRoomConfig(AppConfig):
    name = "safehold.app"
    label = "app"
