"""Microblog: a small web service that has Safehold beside it. Read it to see what an integration takes.

It has members, posts with a picture, likes, replies, a report button and a database of its own, and
knows Safehold only through the public integration (docs/integration.md). The integration is two files:

- `to_safehold`: what we tell and ask Safehold (reports, sign-up check, screening, events);
- `from_safehold`: what Safehold asks and orders, in signed webhooks.

The rest is an ordinary service: `store` (tables), `acts` (what members can do), `pages` (HTML),
`api` (JSON for clients), `http` (requests and answers), `__main__` (start).
"""

VERSION = "1.0"
