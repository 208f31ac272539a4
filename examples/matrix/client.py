"""An ordinary Matrix client, as small as the demo and the tests need: what a member of the server can do.

It knows nothing of Safehold and no administrator's call. Refusals of the server are raised as
`MatrixError` with the status and the Matrix error code, so that a caller can say what a member sees.
"""

import itertools
import secrets
from typing import Any
from urllib.parse import quote

import httpx2

CLIENT = "/_matrix/client/v3"


class MatrixError(Exception):
    """The server declined: `status` (HTTP), `errcode` (Matrix, "" where it gave none)."""

    def __init__(self, status: int, errcode: str, text: str) -> None:
        super().__init__(f"{status} {errcode} {text}")
        self.status = status
        self.errcode = errcode


class Client:
    """One device of one member. `register` or `login` first."""

    def __init__(self, base_url: str) -> None:
        self.http = httpx2.Client(base_url=base_url, timeout=30)
        self.user_id = ""
        self.token = ""
        self._transaction = (f"{secrets.token_hex(4)}.{number}" for number in itertools.count())

    def close(self) -> None:
        """Close its connections."""
        self.http.close()

    def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Any request as this member. Raises MatrixError for every status of 400 and above."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = self.http.request(method, path, headers={**headers, **options.pop("headers", {})}, **options)
        if answer.status_code >= 400:
            try:
                said = answer.json()
            except ValueError:
                said = {}
            raise MatrixError(answer.status_code, said.get("errcode", ""), said.get("error", answer.text[:200]))
        return answer

    def _post(self, path: str, **body: Any) -> Any:
        return self.call("POST", CLIENT + path, json=body).json()

    # Accounts

    def register(self, name: str, password: str) -> str:
        """Make an account and be logged in. Gives the full id, such as @user-17:chat.test."""
        return self._logged_in(
            self._post("/register", username=name, password=password, auth={"type": "m.login.dummy"})
        )

    def login(self, name: str, password: str) -> str:
        """Log in as a new device."""
        identifier = {"type": "m.id.user", "user": name}
        return self._logged_in(self._post("/login", type="m.login.password", identifier=identifier, password=password))

    def _logged_in(self, answer: dict[str, Any]) -> str:
        self.user_id, self.token = answer["user_id"], answer["access_token"]
        return self.user_id

    def whoami(self) -> str:
        """The id that the server knows this device's token by."""
        return str(self.call("GET", f"{CLIENT}/account/whoami").json()["user_id"])

    # Rooms

    def create_room(self, name: str, *, public: bool = True, **more: Any) -> str:
        """Make a room; a public one can be joined by anybody."""
        preset = "public_chat" if public else "private_chat"
        return str(self._post("/createRoom", name=name, preset=preset, **more)["room_id"])

    def join(self, room: str) -> None:
        """Enter a room."""
        self._post(f"/join/{_part(room)}")

    def invite(self, room: str, user_id: str) -> None:
        """Ask somebody into a room."""
        self._post(f"/rooms/{_part(room)}/invite", user_id=user_id)

    def send(self, room: str, content: dict[str, Any], kind: str = "m.room.message") -> str:
        """Send an event; gives its id."""
        path = f"{CLIENT}/rooms/{_part(room)}/send/{kind}/{next(self._transaction)}"
        return str(self.call("PUT", path, json=content).json()["event_id"])

    def send_text(self, room: str, text: str) -> str:
        """Send a plain message."""
        return self.send(room, {"msgtype": "m.text", "body": text})

    def redact(self, room: str, event: str) -> str:
        """Take a message back, as its sender or a moderator of the room."""
        path = f"{CLIENT}/rooms/{_part(room)}/redact/{_part(event)}/{next(self._transaction)}"
        return str(self.call("PUT", path, json={}).json()["event_id"])

    def messages(self, room: str, limit: int = 50) -> list[dict[str, Any]]:
        """The newest events of a room, newest first."""
        answer = self.call("GET", f"{CLIENT}/rooms/{_part(room)}/messages", params={"dir": "b", "limit": limit})
        return list(answer.json()["chunk"])

    def sync(self) -> dict[str, Any]:
        """Everything new, at once."""
        return dict(self.call("GET", f"{CLIENT}/sync", params={"timeout": 0}).json())

    def report(self, room: str, event: str, reason: str = "") -> None:
        """Report a message to the people who run the server."""
        self._post(f"/rooms/{_part(room)}/report/{_part(event)}", reason=reason)

    # Media

    def upload(self, data: bytes, *, file_name: str, media_type: str) -> str:
        """Store a file; gives its mxc:// address."""
        answer = self.call(
            "POST", "/_matrix/media/v3/upload", params={"filename": file_name}, content=data,
            headers={"Content-Type": media_type},
        )  # fmt: skip
        return str(answer.json()["content_uri"])

    def send_image(self, room: str, mxc: str, *, file_name: str, media_type: str = "image/png", size: int = 0) -> str:
        """Send a message that shows an uploaded picture."""
        info = {"mimetype": media_type, "size": size}
        return self.send(room, {"msgtype": "m.image", "body": file_name, "url": mxc, "info": info})

    def download(self, mxc: str) -> bytes:
        """A file, as any member fetches it."""
        return self.call("GET", f"/_matrix/client/v1/media/download/{mxc.removeprefix('mxc://')}").content

    def thumbnail(self, mxc: str) -> bytes:
        """A small picture made by the server."""
        path = f"/_matrix/client/v1/media/thumbnail/{mxc.removeprefix('mxc://')}"
        return self.call("GET", path, params={"width": 32, "height": 32, "method": "scale"}).content


def _part(text: str) -> str:
    return quote(text, safe="")
