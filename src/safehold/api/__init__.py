"""The HTTP face for hosts and partners: `/api/v1` (described in its own openapi.json) and `/screen/v1`.

Thin: it reads and checks what was sent, hands it to `path.commands`, and words the answer. `screen.app`
is raw ASGI and stands beside Django; everything else is in `routes`.
"""
