"""Start Microblog: `python -m microblog --port 0 --data DIR --safehold URL --key KEY --secret WHSEC`."""

import argparse
import logging
import os
import socket
from pathlib import Path

import uvicorn
from a2wsgi import WSGIMiddleware

from microblog import store
from microblog.acts import Acts
from microblog.api import Api
from microblog.from_safehold import Desk
from microblog.pages import Pages
from microblog.to_safehold import Safehold, Sender
from microblog.wsgi import App, Request, Response


def build(data: Path, url: str, safehold: Safehold, secret: str) -> tuple[App, Sender]:
    """The whole service as one WSGI application, and the thread that sends what waits."""
    path = data / "microblog.sqlite3"
    store.create(path)
    sender = Sender(path, safehold)
    members = Acts(path, safehold, sender)
    desk = Desk(path, url, secret)

    def webhook(request: Request) -> Response:
        status, media_type, body = desk.answer(request.headers, request.body)
        return Response(body, status, media_type)

    app = App()
    app.route("POST", "/safehold/webhook", webhook)
    Api(members, url).add_to(app)
    Pages(members).add_to(app)
    return app, sender


def main() -> None:
    parser = argparse.ArgumentParser(prog="microblog", description="A small host that has Safehold beside it.")
    parser.add_argument("--port", type=int, default=8100, help="0 takes a free one; it is printed")
    parser.add_argument("--data", type=Path, required=True, help="folder of the database")
    parser.add_argument("--url", default="", help="our public address; default: where we listen")
    parser.add_argument("--safehold", required=True, help="address of Safehold")
    parser.add_argument("--key", default=os.environ.get("MICROBLOG_KEY"), help="API key; or MICROBLOG_KEY")
    parser.add_argument(
        "--secret", default=os.environ.get("MICROBLOG_SECRET"), help="webhook secret; or MICROBLOG_SECRET"
    )
    parser.add_argument("--jurisdiction", default="", help="where members live (ISO 3166); unknown is treated strictly")
    wanted = parser.parse_args()
    if not wanted.key or not wanted.secret:
        parser.error("--key and --secret are needed; Safehold's administrator issues both")

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    listener = socket.create_server(("127.0.0.1", wanted.port))
    url = (wanted.url or f"http://127.0.0.1:{listener.getsockname()[1]}").rstrip("/")
    safehold = Safehold(wanted.safehold, wanted.key, wanted.secret, wanted.jurisdiction)
    app, sender = build(wanted.data, url, safehold, wanted.secret)
    sender.start()
    print(f"listening on {url}", flush=True)
    config = uvicorn.Config(
        WSGIMiddleware(app, workers=10),  # type: ignore[arg-type]
        log_level="warning",
        lifespan="off",
        server_header=False,
        forwarded_allow_ips="127.0.0.1",  # a proxy on this machine names the member's address
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
