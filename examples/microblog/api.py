"""JSON for clients: an app, a script, the demo. Signed in by `Authorization: Bearer <token>`."""

import base64
import binascii
import secrets
import sqlite3
from typing import Any

from microblog import acts, store
from microblog.acts import Acts
from microblog.wsgi import App, Refused, Request, Response, as_json


class Api:
    """The routes under /api/."""

    def __init__(self, members: Acts, url: str) -> None:
        self.acts, self.url = members, url

    def add_to(self, app: App) -> None:
        app.route("POST", "/api/accounts", self.sign_up)
        app.route("POST", "/api/sessions", self.sign_in)
        app.route("GET", "/api/me", self.me)
        app.route("POST", "/api/posts", self.post)
        app.route("GET", "/api/posts/{post_id}", self.get_post)
        app.route("DELETE", "/api/posts/{post_id}", self.remove)
        app.route("GET", "/api/media/{post_id}", self.media)
        app.route("POST", "/api/posts/{post_id}/likes", self.like)
        app.route("POST", "/api/posts/{post_id}/replies", self.reply)
        app.route("POST", "/api/reports", self.report)

    def sign_up(self, request: Request) -> Response:
        """{"handle", "password", "email", "phone", "language"} -> 201 {"account_id", "token"}"""
        body = request.json()
        account_id, token = self.acts.sign_up(
            **{name: _text(body, name) for name in ("handle", "password", "email", "phone", "language")}, ip=request.ip
        )
        return as_json({"account_id": account_id, "token": token}, 201)

    def sign_in(self, request: Request) -> Response:
        """{"handle", "password"} -> 200 {"account_id", "token"}; 403 with "notices" while suspended"""
        body = request.json()
        account_id, token = self.acts.sign_in(_text(body, "handle"), _text(body, "password"))
        return as_json({"account_id": account_id, "token": token})

    def me(self, request: Request) -> Response:
        """One's own status, notices, and the posts that are hidden and could be removed."""
        account = self._account(request)
        with store.transaction(self.acts.path) as db:
            hidden = db.execute("SELECT id FROM posts WHERE account_id = ? AND state = 'hidden'", (account["id"],))
            return as_json(
                {
                    "account_id": account["id"],
                    "handle": account["handle"],
                    "status": account["status"],
                    "hidden": [row["id"] for row in hidden],
                    "notices": acts.notices(db, account["id"]),
                }
            )

    def post(self, request: Request) -> Response:
        """{"text", "picture": base64, "file_name"} -> 201 the post"""
        account, body = self._account(request), request.json()
        try:
            picture = base64.b64decode(_text(body, "picture"), validate=True) or None
        except binascii.Error:
            raise Refused(422, "bad_picture", "picture must be base64.") from None
        row = self.acts.post(account, _text(body, "text"), picture, _text(body, "file_name"), request.ip)
        return as_json(self._shown(row), 201)

    def get_post(self, _request: Request, post_id: str) -> Response:
        return as_json(self._shown(self.acts.visible(post_id)))

    def remove(self, request: Request, post_id: str) -> Response:
        self.acts.remove(self._account(request), post_id)
        return as_json({"removed": post_id})

    def media(self, _request: Request, post_id: str) -> Response:
        row = self.acts.visible(post_id)
        if row["picture"] is None:
            raise Refused(404, "not_found", "That post has no picture.")
        return Response(row["picture"], media_type=row["media_type"])

    def like(self, request: Request, post_id: str) -> Response:
        return as_json({"likes": self.acts.like(self._account(request), post_id)}, 201)

    def reply(self, request: Request, post_id: str) -> Response:
        """{"text"} -> 201 the reply"""
        account = self._account(request)
        return as_json(self._shown(self.acts.reply(account, post_id, _text(request.json(), "text"), request.ip)), 201)

    def report(self, request: Request) -> Response:
        """{"once_key", "handle", "posts": [ids], "reason", "class", "urgent"} -> 201 what Safehold answered"""
        account, body = self._account(request), request.json()
        posts = body.get("posts", [])
        if not isinstance(posts, list) or not all(isinstance(post, str) for post in posts):
            raise Refused(422, "bad_posts", "posts must be a list of ids.")
        answer = self.acts.report(
            account,
            _text(body, "once_key") or secrets.token_hex(16),
            _text(body, "handle"),
            posts,
            reason=_text(body, "reason"),
            class_id=_text(body, "class"),
            urgent=body.get("urgent") is True,
        )
        return as_json(answer, 201)

    def _account(self, request: Request) -> sqlite3.Row:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        with store.transaction(self.acts.path) as db:
            account = store.account_of(db, token) if scheme.lower() == "bearer" else None
        if account is None:
            raise Refused(401, "signed_out", "Sign in first.")
        return account

    def _shown(self, row: sqlite3.Row) -> dict[str, Any]:
        return {
            "post_id": row["id"],
            "handle": row["handle"],
            "account_id": row["account_id"],
            "text": row["text"],
            "url": f"{self.url}/posts/{row['id']}",
            "media_url": f"{self.url}/media/{row['id']}" if row["media_type"] else "",
            "reply_to": row["reply_to"],
            "likes": row["likes"],
            "frozen": bool(row["frozen"]),
            "screened": row["screened"],
            "posted_at": row["posted_at"],
        }


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise Refused(422, "not_text", f"{name} must be text.")
    return value
