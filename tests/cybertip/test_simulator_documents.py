"""The simulator takes and refuses what was seen taken and refused by the published schema, on our documents."""

import pytest

from safehold.cybertip.document.build import build_report
from safehold.cybertip.simulator import checks
from tests.cybertip import samples
from tests.cybertip.samples import AS_OF, record


def problems(document: bytes, name: str = "report") -> list[str]:
    """What the simulator, which knows nothing of the models, finds wrong."""
    return checks.problems(checks.parse(document), name, AS_OF)


def changed(document: bytes, old: str, new: str) -> bytes:
    """The document with one replacement, which must be possible."""
    assert document.decode().count(old) >= 1
    return document.decode().replace(old, new, 1).encode()


def test_the_simulator_refuses_what_the_schema_refuses() -> None:
    """Section by section what was seen refused by the published schema."""
    whole, file = samples.whole_report().to_bytes(), samples.whole_file().to_bytes()
    small = build_report(record(annotations=("spam",)))
    details = "<internetDetails>\n    <webPageIncident"
    cases = [
        (changed(whole, "<phone ", "<email>x@y.test</email><phone "), "report"),
        (changed(whole, 'associatedAccount type="Parent/Guardian"', "associatedAccount"), "report"),
        (changed(whole, 'associatedAccount type="', 'associatedAccount accountType="'), "report"),
        (changed(whole, "<lawEnforcement>", '<lawEnforcement fleaCountry="NZ">'), "report"),
        (changed(file, "<nameValuePair>", '<nameValuePair type="EXIF">'), "fileDetails"),
        (changed(file, "<fileAnnotations>", "<potentialMeme>true</potentialMeme><fileAnnotations>"), "fileDetails"),
        (
            changed(file, "<deviceId>", "<ipCaptureEvent><ipAddress>192.0.2.1</ipAddress></ipCaptureEvent><deviceId>"),
            "fileDetails",
        ),
        (changed(small, "<spam/>", "<spam>false</spam>"), "report"),
        (changed(small, "<reporter>", "<internetDetails/><reporter>"), "report"),
        (changed(whole, details, "<internetDetails><webPageIncident/><webPageIncident"), "report"),
    ]
    for document, name in cases:
        assert problems(document, name), document.decode()[:200]


def test_the_simulator_accepts_what_the_schema_accepts() -> None:
    small = build_report(record(annotations=("spam",)))
    assert problems(changed(small, "<spam/>", "<spam>true</spam>")) == []
    twice = "<internetDetails><webPageIncident/></internetDetails>" * 2
    assert problems(changed(small, "<reporter>", f"{twice}<reporter>")) == []
    whole = samples.whole_report().to_bytes()
    assert problems(changed(whole, "<state>IL</state>", "<state></state>")) == []


def test_the_simulator_asks_for_what_the_documentation_asks() -> None:
    """The schema allows these; the documentation does not."""
    small = build_report(record())
    assert problems(changed(small, '<email type="Business">safety@example.org</email>', ""))
    assert problems(changed(small, "03:04:05Z", "03:04:05"))
    assert problems(changed(samples.batched_report().to_bytes(), '<batchedReport reason="VIRAL_POTENTIAL_MEME"/>', ""))


def test_a_document_type_is_not_parsed() -> None:
    with pytest.raises(ValueError, match="document type"):
        checks.parse(b'<!DOCTYPE report [<!ENTITY a "b">]><report/>')
