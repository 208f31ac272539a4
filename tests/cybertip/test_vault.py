"""A filing whose file comes from the real vault: streamed, and the look recorded."""

import hashlib
from pathlib import Path

import pytest
from django.utils import timezone

from safehold.audit import service as audit
from safehold.cybertip import service
from safehold.evidence import service as evidence
from safehold.evidence.models import Look
from tests.cybertip import samples
from tests.cybertip.simulated import Simulator


@pytest.mark.django_db
@pytest.mark.network
def test_a_file_goes_from_the_vault_to_the_service(data: Path, service_at: Simulator) -> None:
    evidence.setup_keys()
    body = bytes(range(256)) * 3000
    sealed = evidence.preserve(
        [body], media_type="image/png", file_name="noise 1.png", about="item:1", actor="system:worker"
    )
    file = samples.file_input(sealed_id=str(sealed.pk), size=sealed.size, hashes=(("SHA256", sealed.sha256),))
    filing = service.draft(
        samples.record(ref="subject:vault", as_of=timezone.now(), files=(file,), additional_info="Placeholder vault.")
    )
    for _ in range(10):
        if service.advance(filing.pk, worker="t", on_finished=lambda _row: None).kind == "done":
            break
    filing.refresh_from_db()
    assert filing.state == "finished"
    received = service_at.reports(filing.document_sha256)[0]["files"][0]
    assert (received["size"], received["md5"]) == (len(body), samples.md5(body))
    assert hashlib.sha256(body).hexdigest() == sealed.sha256
    look = Look.objects.get(sealed=sealed)
    assert (look.purpose, look.about) == ("filing", audit.ref(filing))
