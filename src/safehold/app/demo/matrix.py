"""A real Matrix homeserver (Synapse, in an environment of its own) as the host of a walk.

Matrix has no hook by which Safehold could hear of a report or be asked at sign-up: a small bridge of the
homeserver's operator calls Safehold's API for both, as docs/integration.md describes. Here the walk
plays that bridge, with the host's own key.
"""

import secrets
import sys
from pathlib import Path
from typing import Any

import httpx2

from safehold.app.demo.microblog import mailed
from safehold.app.demo.sides import Item, Member, examples, gradient

PASSWORD = "correct horse 17"  # noqa: S105 - of invented members of the demo


def _modules() -> tuple[Any, Any]:
    folder = str(examples())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    from matrix import client, homeserver

    return client, homeserver


class Matrix:
    """Members, rooms and media through the client interface that ordinary apps use."""

    slug = "matrix"
    adapter = "matrix"

    def __init__(self, server: Any, clients: Any, *, safehold: str, mail: Path) -> None:
        self.server, self.clients, self.safehold, self.mail = server, clients, safehold, mail
        self.url: str = server.base_url
        self.origins = (f"mxc://{server.server_name}", "https://matrix.to")
        self.dead_link = f"mxc://{server.server_name}/NoneSuchNoneSuchNoneSuch"
        self.key = ""
        self.by_id: dict[str, Any] = {}
        self.room = ""
        self.watcher: Any = None

    @classmethod
    def start(cls, folder: Path, *, safehold: str, mail: Path) -> "Matrix":
        """Start Synapse (installing it first where needed) and open a room with a watcher in it."""
        clients, homeserver = _modules()
        side = cls(homeserver.start(folder), clients, safehold=safehold, mail=mail)
        side.watcher = clients.Client(side.url)
        name = f"watcher-{secrets.token_hex(3)}"
        side.watcher.register(name, PASSWORD)
        side.room = side.watcher.create_room("Placeholder room", public=True)
        return side

    def connect(self, key: str) -> None:
        """The key with which the operator's bridge calls Safehold."""
        self.key = key

    def join(self, handle: str) -> Member:
        client = self.clients.Client(self.url)
        local = f"{handle}-{secrets.token_hex(3)}"
        user_id = client.register(local, PASSWORD)
        client.join(self.room)
        member = Member(user_id, local, f"{local}@mail.example")
        self._admin(
            "PUT", f"/_synapse/admin/v2/users/{user_id}", {"threepids": [{"medium": "email", "address": member.email}]}
        )
        self.by_id[user_id] = client
        return member

    def _admin(self, method: str, path: str, body: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {self.server.admin_token}"}
        httpx2.request(
            method, self.url + path, json=body, headers=headers, timeout=20, trust_env=False
        ).raise_for_status()

    def post(self, member: Member, number: int) -> Item:
        client = self.by_id[member.id]
        mxc = client.upload(gradient(number), file_name=f"gradient-{number}.png", media_type="image/png")
        client.send_image(self.room, mxc, file_name=f"gradient-{number}.png")
        return Item(mxc, mxc)

    def upload_refused(self, member: Member, number: int) -> bool:
        raise NotImplementedError("Synapse publishes an upload before anybody can be asked: a declared limit.")

    def reachable(self, item: Item) -> bool:
        try:
            return bool(self.watcher.download(item.id))
        except self.clients.MatrixError as refusal:
            if refusal.status == 404:
                return False
            raise

    def may_post(self, member: Member) -> bool:
        return self._allowed(lambda: self.by_id[member.id].send_text(self.room, "placeholder message 0"))

    def may_sign_in(self, member: Member) -> bool:
        return self._allowed(lambda: self.by_id[member.id].login(member.handle, PASSWORD))

    def _allowed(self, act: Any) -> bool:
        try:
            act()
        except self.clients.MatrixError as refusal:
            if refusal.status in (401, 403):
                return False
            raise
        return True

    def _api(self, path: str, body: dict[str, Any]) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = httpx2.post(f"{self.safehold}/api/v1{path}", json=body, headers=headers, timeout=20, trust_env=False)
        return answer.raise_for_status().json()

    def sign_up_refused(self, *, email: str, phone: str = "", ip: str = "") -> bool:
        answer = self._api(
            "/signup-checks", {"emails": [email] if email else [], "phones": [phone] if phone else [], "ip": ip}
        )
        return bool(answer["refused"])

    def report(self, reporter: Member, against: Member, items: list[Item]) -> str:
        answer = self._api(
            "/reports",
            {
                "once_key": secrets.token_urlsafe(24),
                "account_id": against.id,
                "item_ids": [item.id for item in items],
                "reporter_account_id": reporter.id,
                "class": "cse",
            },
        )
        return str(answer["receipt"])

    def notices(self, member: Member) -> list[str]:
        return mailed(self.mail, member.email)

    def stop(self) -> None:
        for client in [*self.by_id.values(), self.watcher]:
            client.close()
        self.server.stop()
