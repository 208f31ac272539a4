"""A worker process for the crash tests: drafts a filing under the given ref and moves it to its end.

Run as `python -m tests.cybertip.crash_driver REF`; the environment names database, simulator, and where
to be killed. Prints the final state.
"""

import sys
from collections.abc import Iterator

import django

BODIES = {"sealed-1": b"gradient 1" * 5000, "sealed-2": b"gradient 2"}


def read(sealed_id: str) -> Iterator[bytes]:
    """Placeholder bytes, in place of the vault's."""
    yield BODIES[sealed_id][:9]
    yield BODIES[sealed_id][9:]


def main(ref: str) -> None:
    """Draft once, then advance until it is done, not waiting where it says later."""
    django.setup()

    from django.db import transaction
    from django.utils import timezone

    from safehold.cybertip import service
    from safehold.cybertip.models import Filing
    from safehold.work import service as work
    from tests.cybertip import samples

    def finished(filing: Filing) -> None:
        key = f"{ref}:{timezone.now().isoformat()}"  # a second effect would be a second task
        work.raise_task("test-finished", key=key, about=f"ref:{ref}", role="custodian")
        work.boundary("filing.on_finished")

    files = tuple(
        samples.file_input(sealed_id=name, size=len(body), hashes=(("MD5", samples.md5(body)),))
        for name, body in BODIES.items()
    )
    with transaction.atomic():
        filing = service.draft(
            samples.record(ref=ref, as_of=timezone.now(), files=files, additional_info=f"Placeholder {ref}.")
        )
    work.boundary("filing.drafted")
    for _ in range(200):
        progress = service.advance(filing.pk, worker="worker", on_finished=finished, read=read)
        if progress.kind in ("done", "person"):
            break
    filing.refresh_from_db()
    print(filing.state, filing.report_id, filing.document_sha256)


if __name__ == "__main__":
    main(sys.argv[1])
