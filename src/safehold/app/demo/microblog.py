"""The small web service of `examples/microblog` as the host of a walk: a process of its own."""

import base64
import re
import subprocess
import sys
from email import message_from_bytes, policy
from pathlib import Path

import httpx2

from safehold.app.demo.sides import Item, Member, examples, gradient
from safehold.app.demo.steps import until
from safehold.app.serve import Processes

PASSWORD = "correct horse 17"  # noqa: S105 - of invented members of the demo


class Microblog:
    """Members and posts through the site's own JSON interface."""

    slug = "microblog"
    adapter = "webhook"

    def __init__(self, url: str, mail: Path) -> None:
        self.url, self.mail = url, mail
        self.dead_link = f"{url}/posts/none-such"
        self.tokens: dict[str, str] = {}
        self.client = httpx2.Client(
            base_url=url, timeout=15, trust_env=False, headers={"X-Forwarded-For": "192.0.2.17"}
        )

    @classmethod
    def start(
        cls, processes: Processes, folder: Path, *, safehold: str, key: str, secret: str, port: int, mail: Path
    ) -> "Microblog":
        """Start the site on `port` and wait until it listens."""
        folder.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable, "-m", "microblog", "--port", str(port), "--data", str(folder), "--safehold", safehold,
        ]  # fmt: skip
        env = {"PYTHONPATH": str(examples()), "MICROBLOG_KEY": key, "MICROBLOG_SECRET": secret}
        child = processes.start("microblog", command, env, log=str(folder / "microblog.log"))
        side = cls(f"http://127.0.0.1:{port}", mail)
        until(lambda: _answers(side.client, child), "the microblog listens")
        return side

    def _call(self, method: str, path: str, member: Member | None = None, **body: object) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.tokens[member.id]}"} if member else {}
        return self.client.request(method, path, json=body or None, headers=headers)

    def join(self, handle: str) -> Member:
        number = int(re.sub(r"\D", "", handle) or 0) % 100
        member = Member("", handle, f"{handle}@mail.example", f"+120255501{number:02d}")
        answer = self._sign_up(handle, member.email, member.phone).raise_for_status().json()
        member.id = answer["account_id"]
        self.tokens[member.id] = answer["token"]
        return member

    def _sign_up(self, handle: str, email: str, phone: str, ip: str = "") -> httpx2.Response:
        body = {"handle": handle, "password": PASSWORD, "email": email, "phone": phone, "language": "en"}
        headers = {"X-Forwarded-For": ip} if ip else {}
        return self.client.post("/api/accounts", json=body, headers=headers)

    def _post(self, member: Member, number: int) -> httpx2.Response:
        picture = base64.b64encode(gradient(number)).decode()
        text, name = f"placeholder message {number}", f"gradient-{number}.png"
        return self._call("POST", "/api/posts", member, text=text, picture=picture, file_name=name)

    def post(self, member: Member, number: int) -> Item:
        shown = self._post(member, number).raise_for_status().json()
        return Item(str(shown["post_id"]), shown["url"])

    def upload_refused(self, member: Member, number: int) -> bool:
        return self._post(member, number).status_code == 422

    def reachable(self, item: Item) -> bool:
        media = self.client.get(f"/media/{item.id}")
        page = self.client.get(f"/api/posts/{item.id}")
        return media.status_code == 200 and page.status_code == 200

    def may_post(self, member: Member) -> bool:
        return self._call("POST", "/api/posts", member, text="placeholder message 0").status_code == 201

    def may_sign_in(self, member: Member) -> bool:
        answer = self.client.post("/api/sessions", json={"handle": member.handle, "password": PASSWORD})
        if answer.status_code == 200:
            self.tokens[member.id] = answer.json()["token"]
        return answer.status_code == 200

    def sign_up_refused(self, *, email: str, phone: str = "", ip: str = "") -> bool:
        handle = f"newcomer-{abs(hash((email, phone, ip))) % 100000}"
        answer = self._sign_up(handle, email, phone, ip)
        if answer.status_code not in (201, 403):
            raise RuntimeError(f"The sign-up answered {answer.status_code}: {answer.text[:200]}")
        return answer.status_code == 403

    def report(self, reporter: Member, against: Member, items: list[Item]) -> str:
        answer = self._call("POST", "/api/reports", reporter, handle=against.handle, posts=[item.id for item in items])
        return str(answer.raise_for_status().json()["receipt"])

    def notices(self, member: Member) -> list[str]:
        answer = self.client.post("/api/sessions", json={"handle": member.handle, "password": PASSWORD}).json()
        if "notices" not in answer:
            answer = self._call("GET", "/api/me", member).json()
        shown = [notice["link"] for notice in answer.get("notices", [])]
        return shown or mailed(self.mail, member.email)

    def removed_by_owner(self, member: Member, item: Item) -> bool:
        """The member removes the post on the site itself."""
        return self._call("DELETE", f"/api/posts/{item.id}", member).status_code == 200

    def stop(self) -> None:
        self.client.close()


def _answers(client: httpx2.Client, child: "subprocess.Popen[str]") -> bool:
    if child.poll() is not None:
        raise RuntimeError("The microblog ended before it listened; its log is in the data folder.")
    try:
        return client.get("/").status_code == 200
    except httpx2.HTTPError:
        return False


def mailed(folder: Path, address: str) -> list[str]:
    """Links in the messages that Safehold wrote to an address, the newest last."""
    found = []
    for file in sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime_ns):
        for raw in file.read_bytes().split(b"-" * 79):
            message = message_from_bytes(raw.strip(), policy=policy.default)
            if message["To"] == address:
                found += re.findall(r"https?://\S+/appeal/\S+", str(message.get_content()))
    return found
