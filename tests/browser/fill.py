"""An installation for `tests.browser.pages`: the desk of `tests.support.desk_world`, and a file that names it.

    SAFEHOLD_DATA=data python -m tests.browser.fill world.json

Makes everything in SAFEHOLD_DATA, which must be empty. The reporting service is never called.
"""

import json
import os
import sys
from pathlib import Path


def main() -> None:
    """The command line."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "safehold.app.settings"
    django.setup()
    from safehold.app.setup import setup
    from safehold.audit import chain
    from safehold.cybertip.progress import later
    from tests.support import desk_world, listed

    setup()
    world = desk_world.build(lambda *_given, **_more: later(3600))
    ids = desk_world.beside(world)
    owner, other = world.members["policy_owner"].actor, "staff:another-owner"
    ids |= listed.build(world.host, owner, other).ids
    for name in ("fresh", "held", "decided", "appeal"):
        ids[name] = getattr(world, name).pk
    while chain.seal_once():
        pass
    chain.checkpoint()
    told = {"passwords": world.passwords, **{name: str(value) for name, value in ids.items()}}
    Path(sys.argv[1]).write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
