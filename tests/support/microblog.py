"""Start `examples/microblog` in a process of its own, and use it as ordinary members do.

Plain functions without pytest: the demo and the crash tests use them too.
"""

import base64
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import httpx2

PASSWORD = "correct horse 17"
EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass
class Microblog:
    """A running microblog. `with start_microblog(...) as site:` stops it at the end."""

    url: str
    data: Path
    process: "subprocess.Popen[str]"

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return (self.data / "microblog.log").read_text()

    @property
    def database(self) -> Path:
        return self.data / "microblog.sqlite3"

    def member(self, handle: str, **details: Any) -> "Member":
        """Sign a new member up and in."""
        return Member(self.url).sign_up(handle, **details)

    def stop(self) -> None:
        """End the process and wait for it. Its data stay."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()


def start_microblog(
    data: Path, *, safehold: str, key: str, secret: str, port: int = 0, jurisdiction: str = "", patience: float = 30
) -> Microblog:
    """Start it and return once it listens. Raises RuntimeError with its log when it does not."""
    data.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "microblog", "--port", str(port), "--data", str(data), "--safehold", safehold]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SAFEHOLD_", "DJANGO_", "MICROBLOG_"))}
    with (data / "microblog.log").open("a") as log:
        process = subprocess.Popen(
            [*command, "--jurisdiction", jurisdiction],
            cwd=EXAMPLES,
            env={**environment, "PYTHONPATH": str(EXAMPLES), "MICROBLOG_KEY": key, "MICROBLOG_SECRET": secret},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    line = _first_line(process.stdout, patience)
    site = Microblog(line.removeprefix("listening on ").strip(), data, process)
    if not line.startswith("listening on "):
        site.stop()
        raise RuntimeError(f"microblog did not start: {site.log[-2000:]}")
    return site


def _first_line(stream: IO[str], patience: float) -> str:
    """The first line, or "" when none comes in time."""
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.append(stream.readline()), daemon=True)
    reader.start()
    reader.join(patience)
    return lines[0] if lines else ""


class Member:
    """A member at their client. `ip` is the address that the site logs for them."""

    def __init__(self, url: str, ip: str = "192.0.2.17") -> None:
        self.url, self.ip = url, ip
        self.handle = self.account_id = self.token = ""

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx2.Response:
        """Any call of the client's API; the answer as it came."""
        headers = {"x-forwarded-for": self.ip}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        return httpx2.request(method, self.url + path, json=body, headers=headers, timeout=15, trust_env=False)

    def sign_up(
        self,
        handle: str,
        *,
        email: str | None = None,
        phone: str = "",
        password: str = PASSWORD,
        language: str = "en",
    ) -> Self:
        wanted = {
            "handle": handle,
            "password": password,
            "email": f"{handle}@mail.example" if email is None else email,
            "phone": phone,
            "language": language,
        }
        answer = self.call("POST", "/api/accounts", wanted).raise_for_status().json()
        self.handle, self.account_id, self.token = handle, answer["account_id"], answer["token"]
        return self

    def sign_in(self, password: str = PASSWORD) -> httpx2.Response:
        return self.call("POST", "/api/sessions", {"handle": self.handle, "password": password})

    def post(self, text: str, picture: bytes = b"", file_name: str = "gradient-1.png") -> dict[str, Any]:
        """Post; the post as the site shows it. Raises httpx2.HTTPStatusError when it was refused."""
        return self.try_post(text, picture, file_name).raise_for_status().json()

    def try_post(self, text: str, picture: bytes = b"", file_name: str = "gradient-1.png") -> httpx2.Response:
        body = {"text": text, "picture": base64.b64encode(picture).decode(), "file_name": file_name if picture else ""}
        return self.call("POST", "/api/posts", body)

    def see(self, post_id: str) -> int:
        """The status with which the post itself answers."""
        return self.call("GET", f"/api/posts/{post_id}").status_code

    def see_media(self, post_id: str) -> httpx2.Response:
        return self.call("GET", f"/media/{post_id}")

    def like(self, post_id: str) -> httpx2.Response:
        return self.call("POST", f"/api/posts/{post_id}/likes")

    def reply(self, post_id: str, text: str) -> httpx2.Response:
        return self.call("POST", f"/api/posts/{post_id}/replies", {"text": text})

    def remove(self, post_id: str) -> httpx2.Response:
        return self.call("DELETE", f"/api/posts/{post_id}")

    def report(self, handle: str, posts: list[str], **said: Any) -> httpx2.Response:
        return self.call("POST", "/api/reports", {"handle": handle, "posts": posts, **said})
