"""HTML for people: forms, posts, the report button, and what a locked or suspended member is shown."""

import hmac
import secrets
import sqlite3
from html import escape

from microblog import acts, store
from microblog.acts import Acts
from microblog.wsgi import App, Refused, Request, Response, redirect

CLASSES = (
    ("cse", "Sexual exploitation of a child"),
    ("physical-abuse", "Physical abuse of a child"),
    ("altercation", "A fight among minors"),
    ("", "I am not sure"),
)
LANGUAGES = (("en", "English"), ("zh-hans", "简体中文"), ("ar", "العربية"))

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #fff; --soft: #f1f1f4; --line: #74747e; --link: #0b57a4 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececf1; --paper: #141418; --soft: #222228; --line: #9a9aa4; --link: #8ec1ff } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 42rem; padding: 1rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
a { color: var(--link) }
.skip { position: absolute; inset-inline-start: -99rem } .skip:focus { inset-inline-start: 1rem }
nav ul { display: flex; flex-wrap: wrap; gap: 1rem; padding: 0; list-style: none }
article, .notice { border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; margin: 1rem 0 }
.notice { background: var(--soft); border-inline-start-width: .5rem; white-space: pre-line }
article img { max-width: 100%; height: auto; border-radius: .25rem }
label { display: block; margin-block: .75rem .25rem }
input:not([type=checkbox]), textarea, select { width: 100%; padding: .5rem; font: inherit; color: inherit;
  background: var(--paper); border: 1px solid var(--line); border-radius: .25rem }
button { margin-top: .75rem; padding: .5rem 1rem; font: inherit; color: var(--paper); background: var(--ink); border: 0;
  border-radius: .25rem; cursor: pointer }
.row { display: flex; flex-wrap: wrap; gap: .75rem; align-items: baseline }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px }
"""


class Pages:
    """The routes that a browser sees."""

    def __init__(self, members: Acts) -> None:
        self.acts = members

    def add_to(self, app: App) -> None:
        app.page = self.page
        app.route("GET", "/style.css", lambda _request: Response(STYLE, media_type="text/css; charset=utf-8"))
        app.route("GET", "/", self.home)
        app.route("GET", "/sign-up", self.sign_up_form)
        app.route("POST", "/sign-up", self.sign_up)
        app.route("GET", "/sign-in", self.sign_in_form)
        app.route("POST", "/sign-in", self.sign_in)
        app.route("POST", "/sign-out", self.sign_out)
        app.route("GET", "/me", self.me)
        app.route("POST", "/me/leave", self.leave)
        app.route("POST", "/posts", self.post)
        app.route("GET", "/posts/{post_id}", self.show_post)
        app.route("POST", "/posts/{post_id}/like", self.like)
        app.route("POST", "/posts/{post_id}/reply", self.reply)
        app.route("POST", "/posts/{post_id}/remove", self.remove)
        app.route("GET", "/posts/{post_id}/report", self.report_form)
        app.route("POST", "/posts/{post_id}/report", self.report)
        app.route("GET", "/media/{post_id}", self.media)
        app.route("GET", "/@{handle}", self.profile)

    # Coming and going

    def sign_up_form(self, request: Request) -> Response:
        languages = "".join(f'<option value="{code}">{name}</option>' for code, name in LANGUAGES)
        body = (
            _field("handle", "Name", 'autocomplete="username" required pattern="[a-z0-9-]{2,30}"')
            + _field("email", "E-mail address", 'type="email" autocomplete="email"')
            + _field("phone", "Telephone number, with + and country", 'type="tel" autocomplete="tel"')
            + _field("password", "Password", 'type="password" autocomplete="new-password" required minlength="8"')
            + f'<label for="language">Language</label><select id="language" name="language">{languages}</select>'
        )
        return self._respond(request, "Sign up", _form("/sign-up", body, "Sign up", _csrf(request)))

    def sign_up(self, request: Request) -> Response:
        form = self._fields(request)
        wanted = {name: form.get(name, "").strip() for name in ("handle", "email", "phone", "language")}
        _id, token = self.acts.sign_up(**wanted, password=form.get("password", ""), ip=request.ip)
        return redirect("/").cookie("session", token)

    def sign_in_form(self, request: Request) -> Response:
        body = _field("handle", "Name", 'autocomplete="username" required') + _field(
            "password", "Password", 'type="password" autocomplete="current-password" required'
        )
        return self._respond(request, "Sign in", _form("/sign-in", body, "Sign in", _csrf(request)))

    def sign_in(self, request: Request) -> Response:
        """A suspended member does not come in, and is shown the notice with its link to appeal."""
        form = self._fields(request)
        try:
            _id, token = self.acts.sign_in(form.get("handle", "").strip(), form.get("password", ""))
        except Refused as refusal:
            if refusal.code != "account_suspended":
                raise
            return self._respond(request, refusal.message, _notices(refusal.more["notices"]), status=403)
        return redirect("/").cookie("session", token)

    def sign_out(self, request: Request) -> Response:
        self._fields(request)
        with store.transaction(self.acts.path) as db:
            store.end_session(db, request.cookies.get("session", ""))
        return redirect("/").cookie("session", "", age=0)

    def me(self, request: Request) -> Response:
        """One's own page: notices, and hidden posts by date and number, never shown again."""
        account = self._signed_in(request)
        with store.transaction(self.acts.path) as db:
            told = acts.notices(db, account["id"])
            hidden = db.execute(
                "SELECT id, posted_at FROM posts WHERE account_id = ? AND state = 'hidden'", (account["id"],)
            ).fetchall()
        body = f"<p>Your account is {account['status']}.</p>{_notices(told)}"
        for post in hidden:
            remove = _form(f"/posts/{post['id']}/remove", "", "Remove this post for good", _csrf(request))
            body += f"<article><p>Hidden post of {post['posted_at'][:10]}, number {post['id']}</p>{remove}</article>"
        body += "<h2>Leave</h2>" + _form("/me/leave", "", "Delete my account and all my posts", _csrf(request))
        return self._respond(request, f"@{account['handle']}", body)

    def leave(self, request: Request) -> Response:
        self._fields(request)
        self.acts.leave(self._signed_in(request))
        return redirect("/").cookie("session", "", age=0)

    # Posts

    def home(self, request: Request) -> Response:
        with store.transaction(self.acts.path) as db:
            posts = db.execute(
                "SELECT posts.*, handle, (SELECT count(*) FROM likes WHERE post_id = posts.id) AS likes"
                " FROM posts JOIN accounts ON accounts.id = account_id"
                " WHERE state = 'visible' AND reply_to IS NULL AND status = 'active' ORDER BY posts.rowid DESC LIMIT 50"
            ).fetchall()
        return self._respond(
            request, "Newest posts", self._post_form(request) + "".join(self._article(request, post) for post in posts)
        )

    def profile(self, request: Request, handle: str) -> Response:
        with store.transaction(self.acts.path) as db:
            owner = store.one(db, "SELECT * FROM accounts WHERE handle = ? AND status != 'gone'", handle)
            if owner is None:
                raise Refused(404, "not_found", "There is no such account.")
            posts = db.execute(
                "SELECT posts.*, (SELECT count(*) FROM likes WHERE post_id = posts.id) AS likes FROM posts"
                " WHERE account_id = ? AND state = 'visible' ORDER BY rowid DESC LIMIT 50",
                (owner["id"],),
            ).fetchall()
        if owner["status"] == "suspended":
            return self._respond(request, f"@{handle}", "<p>This account is suspended.</p>")
        shown = [self._article(request, {**dict(post), "handle": handle}) for post in posts]
        return self._respond(request, f"@{handle}", "".join(shown) or "<p>No posts yet.</p>")

    def post(self, request: Request) -> Response:
        account, form = self._signed_in(request), self._fields(request)
        file_name, picture = request.form()[1].get("picture", ("", None))
        row = self.acts.post(account, form.get("text", ""), picture, file_name, request.ip)
        return redirect(f"/posts/{row['id']}")

    def show_post(self, request: Request, post_id: str) -> Response:
        row = self.acts.visible(post_id)
        with store.transaction(self.acts.path) as db:
            replies = db.execute(
                "SELECT posts.*, handle, (SELECT count(*) FROM likes WHERE post_id = posts.id) AS likes"
                " FROM posts JOIN accounts ON accounts.id = account_id"
                " WHERE reply_to = ? AND state = 'visible' ORDER BY posts.rowid",
                (post_id,),
            ).fetchall()
        body = self._article(request, row)
        if row["frozen"]:
            body += '<p class="notice">This post was reported. Likes and replies wait until it was looked at.</p>'
        elif self._account(request):
            field = '<label for="text">Your reply</label><textarea id="text" name="text" required></textarea>'
            body += _form(f"/posts/{post_id}/reply", field, "Reply", _csrf(request))
        body += "".join(self._article(request, reply) for reply in replies)
        return self._respond(request, f"Post by @{row['handle']}", body)

    def media(self, _request: Request, post_id: str) -> Response:
        row = self.acts.visible(post_id)
        if row["picture"] is None:
            raise Refused(404, "not_found", "That post has no picture.")
        return Response(row["picture"], media_type=row["media_type"])

    def like(self, request: Request, post_id: str) -> Response:
        self._fields(request)
        self.acts.like(self._signed_in(request), post_id)
        return redirect(f"/posts/{post_id}")

    def reply(self, request: Request, post_id: str) -> Response:
        form = self._fields(request)
        self.acts.reply(self._signed_in(request), post_id, form.get("text", ""), request.ip)
        return redirect(f"/posts/{post_id}")

    def remove(self, request: Request, post_id: str) -> Response:
        self._fields(request)
        self.acts.remove(self._signed_in(request), post_id)
        return redirect("/me")

    # Reports

    def report_form(self, request: Request, post_id: str) -> Response:
        """Says first what not to do (S56, S57), asks for no proof, and takes no file."""
        self._signed_in(request)
        self.acts.visible(post_id)
        options = "".join(f'<option value="{code}">{name}</option>' for code, name in CLASSES)
        body = (
            '<p class="notice">Do not like, answer, quote, copy or pass on what you report: that can be a crime,'
            " whatever the reason. You need no proof.</p>"
            + _form(
                f"/posts/{post_id}/report",
                f'<input type="hidden" name="once_key" value="{secrets.token_hex(16)}">'
                f'<label for="class">What is it about?</label><select id="class" name="class">{options}</select>'
                '<label for="reason">What should we know? (may stay empty)</label>'
                '<textarea id="reason" name="reason"></textarea>'
                '<label><input type="checkbox" name="urgent" value="yes"> A child may be in danger right now</label>',
                "Report",
                _csrf(request),
            )
        )
        return self._respond(request, "Report this post", body)

    def report(self, request: Request, post_id: str) -> Response:
        form = self._fields(request)
        answer = self.acts.report(
            self._signed_in(request),
            form.get("once_key", "") or secrets.token_hex(16),
            "",
            [post_id],
            reason=form.get("reason", ""),
            class_id=form.get("class", ""),
            urgent=form.get("urgent") == "yes",
        )
        body = f"<p>Thank you. Your receipt: <strong>{escape(str(answer['receipt']))}</strong></p>"
        return self._respond(request, "Your report was received", body)

    # Parts

    def page(self, request: Request, title: str, body: str) -> str:
        """A whole page around `body`."""
        account = self._account(request)
        if account:
            out = _form("/sign-out", "", "Sign out", _csrf(request))
            entries = ['<a href="/me">My page</a>', out]
        else:
            entries = ['<a href="/sign-in">Sign in</a>', '<a href="/sign-up">Sign up</a>']
        links = "".join(f"<li>{entry}</li>" for entry in ['<a href="/">Microblog</a>', *entries])
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} · Microblog</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<link rel="stylesheet" href="/style.css"></head>'
            '<body><a class="skip" href="#main">Skip to the content</a>'
            f'<header><nav aria-label="Site"><ul class="row">{links}</ul></nav></header>'
            f'<main id="main"><h1>{escape(title)}</h1>{body}</main></body></html>'
        )

    def _respond(self, request: Request, title: str, body: str, status: int = 200) -> Response:
        response = Response(self.page(request, title, body), status)
        return response.cookie("csrf", _csrf(request))

    def _post_form(self, request: Request) -> str:
        account = self._account(request)
        if account is None or account["status"] != "active":
            return ""
        fields = (
            '<label for="text">Write something</label><textarea id="text" name="text"></textarea>'
            '<label for="picture">A picture (PNG, JPEG or GIF)</label>'
            '<input id="picture" name="picture" type="file" accept="image/png,image/jpeg,image/gif">'
        )
        return _form("/posts", fields, "Post", _csrf(request), files=True)

    def _article(self, request: Request, row: "sqlite3.Row | dict[str, object]") -> str:
        where = f"/posts/{row['id']}"
        picture = f'<img src="/media/{row["id"]}" alt="Picture of this post">' if row["media_type"] else ""
        like = _form(f"{where}/like", "", f"Like ({row['likes']})", _csrf(request)) if self._account(request) else ""
        return (
            f'<article><p><a href="/@{escape(str(row["handle"]))}">@{escape(str(row["handle"]))}</a>'
            f' · <a href="{where}"><time>{row["posted_at"]}</time></a></p>'
            f"<p>{escape(str(row['text']))}</p>{picture}"
            f'<div class="row">{like}<a href="{where}/report">Report this post</a></div></article>'
        )

    def _account(self, request: Request) -> sqlite3.Row | None:
        if request.account is None and "session" in request.cookies:
            with store.transaction(self.acts.path) as db:
                request.account = store.account_of(db, request.cookies["session"])
        return request.account

    def _signed_in(self, request: Request) -> sqlite3.Row:
        account = self._account(request)
        if account is None:
            raise Refused(401, "signed_out", "Sign in first.")
        return account

    def _fields(self, request: Request) -> dict[str, str]:
        """The form's fields, once it is clear that the form was ours (double submit: cookie and field agree)."""
        fields, _files = request.form()
        sent, kept = fields.get("csrf", ""), request.cookies.get("csrf", "")
        if not kept or not hmac.compare_digest(sent.encode(), kept.encode()):
            raise Refused(403, "forged_form", "This form was not opened here, or is too old. Open it again.")
        return fields


def _csrf(request: Request) -> str:
    return request.cookies.setdefault("csrf", secrets.token_urlsafe(24))


def _form(action: str, fields: str, button: str, csrf: str, *, files: bool = False) -> str:
    encoding = ' enctype="multipart/form-data"' if files else ""
    return (
        f'<form method="post" action="{escape(action)}"{encoding}>'
        f'<input type="hidden" name="csrf" value="{escape(csrf)}">{fields}<button>{escape(button)}</button></form>'
    )


def _field(name: str, label: str, attributes: str) -> str:
    return f'<label for="{name}">{label}</label><input id="{name}" name="{name}" {attributes}>'


def _notices(told: list[dict[str, str]]) -> str:
    shown = ""
    for notice in told:
        link = notice["link"]
        anchor = (
            f'<p><a href="{escape(link)}">{escape(link)}</a></p>' if link.startswith(("https://", "http://")) else ""
        )
        shown += (
            f'<section class="notice"><h2>{escape(notice["subject"])}</h2>{escape(notice["text"])}{anchor}</section>'
        )
    return shown
