"""What every page knows of the installation."""

from django.conf import settings
from django.http import HttpRequest


def installation(request: HttpRequest) -> dict[str, object]:  # noqa: ARG001
    """The environment, so that every page says which one it is (design: invariant 16)."""
    return {
        "environment": settings.SAFEHOLD.environment,
        "cybertip_environment": settings.SAFEHOLD.cybertip.environment,
    }
