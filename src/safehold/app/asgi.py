"""The web process: the screening path as raw ASGI, Django under WSGI beside it, in one uvicorn process."""

import os
from collections.abc import Awaitable, Callable
from typing import Any, cast

import django
from a2wsgi import WSGIMiddleware
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "safehold.app.settings")
django.setup()  # the screening path below reads models

from safehold.api import screen  # noqa: E402

_django: Any = WSGIMiddleware(cast(Any, get_wsgi_application()), workers=10)

Message = dict[str, Any]


async def app(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Dispatch by path. Only `/screen/` skips Django."""
    if scope["type"] == "http" and scope["path"].startswith("/screen/"):
        await screen.app(scope, receive, send)
    else:
        await _django(scope, receive, send)
