"""The web process: the screening path as raw ASGI, Django under WSGI beside it, in one uvicorn process.

`app` is both, for `safehold serve`; `screening` is the screening path alone, for `safehold screening serve`. Either
keeps this process's lists up from its start to its end.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, cast

import django
from a2wsgi import WSGIMiddleware
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "safehold.app.settings")
django.setup()  # the screening path below reads models

from safehold.api import screen, screen_files, screen_scoring  # noqa: E402
from safehold.screening import live  # noqa: E402

_django: Any = WSGIMiddleware(cast(Any, get_wsgi_application()), workers=10)

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PATIENCE = 60.0  # seconds that the start waits for the lists; after that requests are refused until they are there


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Dispatch by path. Only `/screen/` and `/metrics` skip Django."""
    if scope["type"] == "lifespan":
        await _life(receive, send)
    elif scope["type"] == "http" and scope["path"].startswith("/screen/"):
        await screen.app(scope, receive, send)
    elif scope["type"] == "http" and scope["path"] == "/metrics":
        await screen.metrics_app(scope, receive, send)
    else:
        await _django(scope, receive, send)


async def screening(scope: Message, receive: Receive, send: Send) -> None:
    """The screening path alone, and `/healthz`: 200 where verdicts are given, else 503."""
    if scope["type"] == "lifespan":
        await _life(receive, send)
    elif scope["type"] == "http" and scope["path"] == "/metrics":
        await screen.metrics_app(scope, receive, send)
    elif scope["type"] == "http" and scope["path"] == "/healthz":
        await screen.health_app(scope, receive, send)
    else:
        await screen.app(scope, receive, send)


async def _life(receive: Receive, send: Send) -> None:
    """Keep the lists up from the server's start to its end."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            live.keep()
            await asyncio.to_thread(live.wait_until_ready, PATIENCE)
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await asyncio.to_thread(live.let_go)
            screen_files.close()
            await asyncio.to_thread(screen_scoring.close)
            await send({"type": "lifespan.shutdown.complete"})
            return
