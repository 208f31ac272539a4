"""What Safehold asks and orders, in signed webhooks. The other half of the integration.

`answer` takes one POST and gives (status, media type, body). Three rules carry it:
1. Nothing is read before the signature is proven, and no delivery is taken twice.
2. An order sets a state. Repeating it changes nothing and succeeds.
3. "Not here" is said in words (`{"error": "not_found"}`), so that a wrong address never reads as "gone".
"""

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from standardwebhooks import Webhook, WebhookVerificationError

from microblog import VERSION, store

Data = dict[str, Any]


class NotHere(Exception):
    """We have no such account, item or file (any more)."""


class Desk:
    """Answers Safehold's messages from the database at `path`; `url` is our own public address."""

    def __init__(self, path: Path, url: str, secret: str) -> None:
        self.path, self.url, self.webhook = path, url, Webhook(secret)
        self.takes = {
            "ping": self.ping,
            "find": self.find,
            "account.get": self.account_get,
            "item.get": self.item_get,
            "items.of": self.items_of,
            "item.open": self.item_open,
            "item.context": self.item_context,
            "item.hide": self.item_hide,
            "item.restore": self.item_restore,
            "item.purge": self.item_purge,
            "account.suspend": self.account_suspend,
            "account.lock": self.account_lock,
            "account.restore": self.account_restore,
            "account.tell": self.account_tell,
        }

    def answer(self, headers: Mapping[str, str], body: bytes) -> tuple[int, str, bytes]:
        """Verify, then do. The delivery's id is stored in the transaction of what it did.

        `headers` has lower-case names; `body` must be the exact bytes that came.
        """
        try:
            self.webhook.verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError) as problem:
            return _problem(401, "bad_signature", f"The signature does not fit: {problem}")
        try:
            message = json.loads(body)
            kind, key, data = message["type"], str(message["id"]), dict(message["data"])
            with store.transaction(self.path) as db:
                if not _first(db, headers["webhook-id"]):
                    return _problem(409, "replayed", "This delivery was taken before.")
                if kind not in self.takes:
                    return _problem(501, "unsupported", f"Microblog does not know {kind}.")
                done = self.takes[kind](db, key, data)
        except NotHere as problem:
            return _problem(404, "not_found", str(problem))
        except (KeyError, TypeError, ValueError, AttributeError, sqlite3.ProgrammingError) as problem:
            return _problem(422, "malformed", f"The message lacks something: {problem!r}")
        if isinstance(done, tuple):
            return 200, done[0], done[1]
        return 200, "application/json", json.dumps(done).encode()

    # Questions

    def ping(self, _db: sqlite3.Connection, _key: str, _data: Data) -> Data:
        return {"software": "microblog", "version": VERSION}

    def find(self, db: sqlite3.Connection, _key: str, data: Data) -> Data:
        """A link of ours, or a name with or without its @."""
        text = data["link_or_name"].strip()
        if "://" in text:
            if urlsplit(text)[:2] != urlsplit(self.url)[:2]:
                raise NotHere("That link does not lead here.")
            text = urlsplit(text).path.strip("/")
        kind, _, name = text.rpartition("/")
        if kind in ("posts", "media"):
            post = self._post(db, name)
            account = self._account(db, post["account_id"])
            return {"account": self._account_facts(account), "item": self._item_facts(post)}
        row = store.one(db, "SELECT * FROM accounts WHERE handle = ?", text.removeprefix("@"))
        if row is None:
            raise NotHere("No account has that name.")
        return {"account": self._account_facts(row), "item": None}

    def account_get(self, db: sqlite3.Connection, _key: str, data: Data) -> Data:
        return self._account_facts(self._account(db, data["account_id"]))

    def item_get(self, db: sqlite3.Connection, _key: str, data: Data) -> Data:
        return self._item_facts(self._post(db, data["item_id"]))

    def items_of(self, db: sqlite3.Connection, _key: str, data: Data) -> Data:
        self._account(db, data["account_id"])
        rows = db.execute(
            "SELECT * FROM posts WHERE account_id = ? AND state != 'gone' ORDER BY rowid DESC LIMIT ?",
            (data["account_id"], int(data["limit"])),
        )
        return {"items": [self._item_facts(row) for row in rows]}

    def item_open(self, db: sqlite3.Connection, _key: str, data: Data) -> tuple[str, bytes]:
        """The picture itself, also of a hidden post: Safehold must be able to preserve it."""
        post = self._post(db, data["item_id"])
        if post["picture"] is None:
            raise NotHere("That post has no picture.")
        return post["media_type"], post["picture"]

    def item_context(self, db: sqlite3.Connection, _key: str, data: Data) -> Data:
        """The conversation that a post stands in, hidden and removed posts too: so many before it, so many after."""
        post, before, after = self._post(db, data["item_id"]), int(data["before"]), int(data["after"])
        root, rows = store.conversation(db, post["id"])
        place = next(number for number, row in enumerate(rows) if row["id"] == post["id"])
        first = max(place - before, 0)
        around = rows[first : place + after + 1]
        own = [row for row in around if row["account_id"] == post["account_id"] and row["posted_from"]]
        return {
            "messages": [self._message(row) for row in around],
            "about": post["id"],
            "thread": root,
            "complete": len(around) == len(rows),
            "addresses": [{"ip": row["posted_from"], "event": "Upload", "at": row["posted_at"]} for row in own],
        }

    # Orders

    def item_hide(self, db: sqlite3.Connection, _key: str, data: Data) -> Data:
        return self._set_post(db, data["item_id"], "hidden")

    def item_restore(self, db: sqlite3.Connection, _key: str, data: Data) -> Data:
        return self._set_post(db, data["item_id"], "visible")

    def item_purge(self, db: sqlite3.Connection, _key: str, data: Data) -> Data:
        store.erase_post(db, self._post(db, data["item_id"])["id"])
        return {}

    def account_suspend(self, db: sqlite3.Connection, _key: str, data: Data) -> Data:
        return self._set_account(db, data["account_id"], "suspended")

    def account_lock(self, db: sqlite3.Connection, _key: str, data: Data) -> Data:
        return self._set_account(db, data["account_id"], "locked")

    def account_restore(self, db: sqlite3.Connection, _key: str, data: Data) -> Data:
        return self._set_account(db, data["account_id"], "active")

    def account_tell(self, db: sqlite3.Connection, key: str, data: Data) -> Data:
        """Shown once signed in, and to suspended members at sign-in. The key keeps a repetition from showing twice."""
        account = self._account(db, data["account_id"])
        db.execute(
            "INSERT OR IGNORE INTO notices VALUES (?, ?, ?, ?, ?, ?)",
            (key, account["id"], data["subject"], data["text"], data["link"], store.now()),
        )
        return {}

    # Rows

    def _set_post(self, db: sqlite3.Connection, post_id: str, state: str) -> Data:
        if self._post(db, post_id)["state"] == "gone":
            raise NotHere("That post is gone for good.")
        db.execute("UPDATE posts SET state = ? WHERE id = ?", (state, post_id))
        return {}

    def _set_account(self, db: sqlite3.Connection, account_id: str, status: str) -> Data:
        if self._account(db, account_id)["status"] == "gone":
            raise NotHere("That account was deleted.")
        db.execute("UPDATE accounts SET status = ? WHERE id = ?", (status, account_id))
        return {}

    def _post(self, db: sqlite3.Connection, post_id: str) -> sqlite3.Row:
        row = store.one(db, "SELECT * FROM posts WHERE id = ?", post_id)
        if row is None:
            raise NotHere("We have no such post.")
        return row

    def _account(self, db: sqlite3.Connection, account_id: str) -> sqlite3.Row:
        row = store.one(db, "SELECT * FROM accounts WHERE id = ?", account_id)
        if row is None:
            raise NotHere("We have no such account.")
        return row

    def _account_facts(self, row: sqlite3.Row) -> Data:
        return {
            "id": row["id"],
            "handle": row["handle"],
            "status": row["status"],
            "url": f"{self.url}/@{row['handle']}",
            "emails": [row["email"]] if row["email"] else [],
            "verified_emails": [],  # we do not verify addresses, and do not claim that we do
            "phones": [row["phone"]] if row["phone"] else [],
            "addresses": [{"ip": row["registered_from"], "event": "Registration", "at": row["registered_at"]}]
            if row["registered_from"]
            else [],
            "registered_at": row["registered_at"],
            "language": row["language"],
        }

    def _item_facts(self, row: sqlite3.Row) -> Data:
        return {
            "id": row["id"],
            "kind": "post",
            "status": row["state"],
            "account_id": row["account_id"],
            "url": f"{self.url}/posts/{row['id']}",
            "posted_at": row["posted_at"],
            "text": row["text"],
            "file_name": row["file_name"],
            "media_type": row["media_type"],
            "public": True,
            "uploaded_from": {"ip": row["posted_from"], "event": "Upload", "at": row["posted_at"]}
            if row["posted_from"]
            else None,
        }

    def _message(self, row: sqlite3.Row) -> Data:
        """A post as part of a conversation. Posts go to everybody, so that none names whom it went to."""
        return {
            "id": row["id"],
            "at": row["posted_at"],
            "sender": row["account_id"],
            "text": row["text"],
            "attachments": [row["id"]] if row["media_type"] else [],
            "reply_to": row["reply_to"] or "",
            "deleted": row["state"] == "gone",
        }


def _first(db: sqlite3.Connection, webhook_id: str) -> bool:
    """Whether this delivery is new. Ids older than a day go: their signatures are refused as too old anyway."""
    db.execute("DELETE FROM taken_webhooks WHERE at < datetime('now', '-1 day')")
    return db.execute("INSERT OR IGNORE INTO taken_webhooks VALUES (?, datetime('now'))", (webhook_id,)).rowcount == 1


def _problem(status: int, code: str, message: str) -> tuple[int, str, bytes]:
    return status, "application/json", json.dumps({"error": code, "message": message}).encode()
