"""What members can do, whether from a page or from a client. Each act checks everything that it needs.

Where Safehold comes in:
- `sign_up` asks whether a banned person is coming back;
- `post` has pictures screened before anybody sees them;
- `report` hands a member's report in, and freezes likes and replies on what was reported;
- `remove` and `leave` tell Safehold what is gone.
"""

import hashlib
import logging
import re
import sqlite3
from pathlib import Path
from typing import Any

from microblog import store
from microblog.to_safehold import Declined, Safehold, Sender, Unreachable, queue_event, queue_match
from microblog.wsgi import Refused

log = logging.getLogger("microblog")

LARGEST_PICTURE = 5 * 1024 * 1024
PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
LANGUAGES = ("en", "zh-hans", "ar")

Row = sqlite3.Row


class Acts:
    """Every act of members on the database at `path`."""

    def __init__(self, path: Path, safehold: Safehold, sender: Sender) -> None:
        self.path, self.safehold, self.sender = path, safehold, sender

    # Coming and going

    def sign_up(self, handle: str, password: str, email: str, phone: str, language: str, ip: str) -> tuple[str, str]:
        """A new account: its id and a session's token."""
        if not re.fullmatch(r"[a-z0-9-]{2,30}", handle):
            raise Refused(422, "bad_handle", "A name has 2 to 30 small letters, digits or hyphens.")
        if len(password) < 8:
            raise Refused(422, "bad_password", "A password has at least 8 characters.")
        if not email and not phone:
            raise Refused(422, "no_contact", "Give an e-mail address or a telephone number.")
        try:
            banned = self.safehold.refuses_signup(email, phone)
        except Declined as problem:
            raise Refused(422, "bad_contact", f"That address or number cannot be used: {problem}") from None
        except Unreachable as problem:
            log.warning("sign-up refused, the check cannot be made: %s", problem)
            raise Refused(503, "try_later", "We cannot open accounts right now. Try again in a few minutes.") from None
        if banned:
            raise Refused(403, "signup_refused", "You cannot open an account here.")
        with store.transaction(self.path) as db:
            if store.one(db, "SELECT id FROM accounts WHERE handle = ?", handle):
                raise Refused(409, "handle_taken", "That name is taken.")
            account_id = store.new_id()
            db.execute(
                "INSERT INTO accounts (id, handle, password, email, phone, language, registered_at, registered_from)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    account_id,
                    handle,
                    store.scramble(password),
                    email,
                    phone,
                    language if language in LANGUAGES else "en",
                    store.now(),
                    ip,
                ),
            )
            return account_id, store.new_session(db, account_id)

    def sign_in(self, handle: str, password: str) -> tuple[str, str]:
        """Account id and token. Suspended members are told what we were asked to tell them."""
        with store.transaction(self.path) as db:
            row = store.one(db, "SELECT * FROM accounts WHERE handle = ? AND status != 'gone'", handle)
            if row is None or not store.is_password(password, row["password"]):
                raise Refused(401, "wrong_password", "Name or password is wrong.")
            if row["status"] == "suspended":
                raise _suspended(db, row)
            return row["id"], store.new_session(db, row["id"])

    def leave(self, account: Row) -> None:
        """Delete one's own account and everything in it."""
        with store.transaction(self.path) as db:
            _may_act(db, account, although_locked=True)
            for post in db.execute("SELECT id FROM posts WHERE account_id = ?", (account["id"],)).fetchall():
                store.erase_post(db, post["id"])
            for table in ("likes", "sessions", "notices"):
                db.execute(f"DELETE FROM {table} WHERE account_id = ?", (account["id"],))  # noqa: S608
            db.execute(
                "UPDATE accounts SET status = 'gone', handle = 'gone-' || id, password = '', email = '', phone = '',"
                " registered_from = '' WHERE id = ?",
                (account["id"],),
            )
            queue_event(db, "account.deleted", account_id=account["id"])
        self.sender.wake.set()

    # Posts

    def post(
        self, account: Row, text: str, picture: bytes | None, file_name: str, ip: str, reply_to: str | None = None
    ) -> Row:
        """Publish. A picture is screened first: what Safehold knows is recorded there, and hidden if it says so."""
        with store.transaction(self.path) as db:
            _may_act(db, account)
        if len(text) > 1000 or not (text.strip() or picture):
            raise Refused(422, "bad_text", "Write up to 1000 characters, or add a picture.")
        media_type = _media_type(picture) if picture else ""
        file_name = file_name[:100] if picture else ""
        sha256 = hashlib.sha256(picture or b"").hexdigest()
        screened, known, hide = self._screen(sha256) if picture else ("no picture", False, False)
        post_id = store.new_id()
        with store.transaction(self.path) as db:
            _may_act(db, account)  # again: an order may have come while we waited
            if reply_to is not None:
                self._engageable(db, reply_to)
            db.execute(
                "INSERT INTO posts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (post_id, account["id"], reply_to, text.strip(), picture, media_type, file_name,
                 "hidden" if hide else "visible", screened, store.now(), ip),
            )  # fmt: skip
            if known:  # if hidden, still kept where nobody but Safehold can reach it: it must be preserved
                queue_match(db, self.safehold, sha256=sha256, item_id=post_id, account_id=account["id"])
        self.sender.wake.set()
        if hide:
            raise Refused(422, "not_accepted", "This picture cannot be posted here.")
        if screened == "no":
            log.warning("post %s was accepted unscreened: screening could not be reached", post_id)
        return self.visible(post_id)

    def visible(self, post_id: str) -> Row:
        """A post that may be seen. Hidden ones are not there, for anybody."""
        with store.transaction(self.path) as db:
            return _visible(db, post_id)

    def like(self, account: Row, post_id: str) -> int:
        """Like a post; the number of likes it has now."""
        self._thaw(post_id)
        with store.transaction(self.path) as db:
            _may_act(db, account)
            self._engageable(db, post_id)
            db.execute("INSERT OR IGNORE INTO likes VALUES (?, ?)", (post_id, account["id"]))
            count: int = db.execute("SELECT count(*) FROM likes WHERE post_id = ?", (post_id,)).fetchone()[0]
            return count

    def reply(self, account: Row, post_id: str, text: str, ip: str) -> Row:
        self._thaw(post_id)
        with store.transaction(self.path) as db:
            self._engageable(db, post_id)
        return self.post(account, text, None, "", ip, reply_to=post_id)

    def remove(self, account: Row, post_id: str) -> None:
        """Remove one's own post, also a hidden one and while locked: that is how a member complies."""
        with store.transaction(self.path) as db:
            _may_act(db, account, although_locked=True)
            post = store.one(db, "SELECT * FROM posts WHERE id = ? AND account_id = ?", post_id, account["id"])
            if post is None or post["state"] == "gone":
                raise Refused(404, "not_found", "You have no such post.")
            store.erase_post(db, post_id)
            queue_event(db, "item.removed", item_id=post_id, account_id=account["id"], by="owner")
        self.sender.wake.set()

    # Reports

    def report(self, account: Row, once_key: str, handle: str, post_ids: list[str], **said: Any) -> dict[str, Any]:
        """Hand a report in. Likes and replies on the reported posts stand still until it was looked at."""
        with store.transaction(self.path) as db:
            posts = [_visible(db, post_id) for post_id in post_ids]
            owner = store.one(db, "SELECT * FROM accounts WHERE handle = ?", handle) if handle else None
            owner_id = owner["id"] if owner else posts[0]["account_id"] if posts else ""
        if not owner_id:
            raise Refused(422, "nothing_named", "Name an account or a post.")
        if any(post["account_id"] != owner_id for post in posts):
            raise Refused(422, "several_accounts", "A report is about one account and its posts.")
        try:
            answer = self.safehold.report(
                {
                    "once_key": once_key,
                    "account_id": owner_id,
                    "item_ids": [post["id"] for post in posts],
                    "links": [],
                    "reason": str(said.get("reason", "")),
                    "class": str(said.get("class_id", "")),
                    "reporter_account_id": account["id"],
                    "urgent": bool(said.get("urgent", False)),
                    "language": account["language"],
                }
            )
        except Declined as problem:
            raise Refused(422, "not_taken", f"The report was not taken: {problem}") from None
        except Unreachable as problem:
            log.warning("a report could not be handed in: %s", problem)
            raise Refused(503, "try_again", "Your report was NOT sent. Send it again in a moment.") from None
        with store.transaction(self.path) as db:
            db.executemany(
                "INSERT OR IGNORE INTO reports (receipt, post_id) VALUES (?, ?)",
                [(answer["receipt"], post["id"]) for post in posts],
            )
        return answer

    def _thaw(self, post_id: str) -> None:
        """End the standstill of a post whose reports are all finished."""
        with store.transaction(self.path) as db:
            frozen = db.execute("SELECT receipt FROM reports WHERE post_id = ? AND open", (post_id,)).fetchall()
        for row in frozen:
            try:
                if self.safehold.report_state(row["receipt"]) != "finished":
                    continue
            except (Unreachable, Declined) as problem:
                log.warning("post %s stays frozen: %s", post_id, problem)
                continue
            with store.transaction(self.path) as db:
                db.execute("UPDATE reports SET open = 0 WHERE receipt = ?", (row["receipt"],))

    def _engageable(self, db: sqlite3.Connection, post_id: str) -> None:
        _visible(db, post_id)
        if store.one(db, "SELECT 1 FROM reports WHERE post_id = ? AND open", post_id):
            raise Refused(409, "frozen", "This post was reported. Nobody can like it or reply until it was looked at.")

    def _screen(self, sha256: str) -> tuple[str, bool, bool]:
        """("yes", known, hide); or "no" when nobody could be asked: then the post and the log say so."""
        try:
            return "yes", *self.safehold.screen(sha256)
        except (Unreachable, Declined) as problem:
            log.warning("screening failed: %s", problem)
            return "no", False, False


def _visible(db: sqlite3.Connection, post_id: str) -> Row:
    row = store.one(
        db,
        "SELECT posts.*, handle, (SELECT count(*) FROM likes WHERE post_id = posts.id) AS likes,"
        " EXISTS (SELECT 1 FROM reports WHERE post_id = posts.id AND open) AS frozen"
        " FROM posts JOIN accounts ON accounts.id = account_id WHERE posts.id = ? AND state = 'visible'",
        post_id,
    )
    if row is None:
        raise Refused(404, "not_found", "There is no such post.")
    return row


def _may_act(db: sqlite3.Connection, account: Row, *, although_locked: bool = False) -> None:
    """Raise 403 where the account's status, read anew, forbids acting."""
    row = store.one(db, "SELECT * FROM accounts WHERE id = ?", account["id"])
    if row is None or row["status"] == "gone":
        raise Refused(401, "signed_out", "Sign in first.")
    if row["status"] == "suspended":
        raise _suspended(db, row)
    if row["status"] == "locked" and not although_locked:
        raise Refused(
            403, "account_locked", "Your account is locked until you do what the notice on your page asks.",
            notices=notices(db, row["id"]),
        )  # fmt: skip


def _suspended(db: sqlite3.Connection, row: Row) -> Refused:
    return Refused(403, "account_suspended", "Your account is suspended.", notices=notices(db, row["id"]))


def notices(db: sqlite3.Connection, account_id: str) -> list[dict[str, str]]:
    """What Safehold asked us to tell this member, the newest first."""
    rows = db.execute(
        "SELECT subject, text, link, at FROM notices WHERE account_id = ? ORDER BY rowid DESC", (account_id,)
    )
    return [dict(row) for row in rows]


def _media_type(picture: bytes) -> str:
    if len(picture) > LARGEST_PICTURE:
        raise Refused(413, "too_large", "A picture may have 5 MB.")
    for start, media_type in PICTURES.items():
        if picture.startswith(start):
            return media_type
    raise Refused(415, "not_a_picture", "Pictures may be PNG, JPEG or GIF.")
