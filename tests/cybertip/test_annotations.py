"""One table over all annotations, of report, person and file; and what only a newer schema declares."""

from typing import Any

import msgspec
import pytest
from lxml import etree

from safehold.cybertip.document import DocumentError, accounts, common
from safehold.cybertip.document.build import build_file_details, build_report
from safehold.cybertip.document.codes import FILE_ANNOTATIONS, NEWER, NEWER_ANNOTATIONS, REPORT_ANNOTATIONS
from safehold.cybertip.document.errors import LIVE
from safehold.cybertip.inputs import AccountInput, AssociatedInput
from safehold.cybertip.simulator import checks
from safehold.cybertip.simulator.grammar import NEWER as NEWER_GRAMMAR
from safehold.cybertip.simulator.grammar import PUBLISHED
from tests.cybertip import samples
from tests.cybertip.samples import AS_OF, record

SUSPECT = AccountInput(account_id="u-17", age=40, age_discrepancy=True)
ANNOTATIONS: list[tuple[str, str, str | None, dict[str, Any]]] = [
    # where, which, its text (None = an empty element), what of the record brings it
    *(("incidentSummary/reportAnnotations", name, None, {"annotations": (name,)}) for name in REPORT_ANNOTATIONS),
    *(
        ("incidentSummary/reportAnnotations", name, None, {"annotations": (name,), "declared": tuple(NEWER)})
        for name in NEWER_ANNOTATIONS
    ),
    *(
        ("fileAnnotations", name, None, {"files": (samples.file_input(annotations=(name,)),)})
        for name in FILE_ANNOTATIONS
    ),
    (
        "personOrUserReported/personOrUserReportedPerson", "ageAssertionDiscrepancy", "true",
        {"subject": SUSPECT, "declared": tuple(NEWER)},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("where", "name", "text", "given"), ANNOTATIONS, ids=[row[1] for row in ANNOTATIONS])
def test_annotations(where: str, name: str, text: str | None, given: dict[str, Any]) -> None:
    """Every annotation of report, person and file: written as the schema asks, alone, and accepted."""
    made = record(**given)
    of_file = bool(made.files)
    document = build_file_details(made, made.files[0], report_id=1, file_id="f") if of_file else build_report(made)
    found = etree.fromstring(document).find(f"{where}/{name}")
    assert found is not None
    assert (found.text, len(found.attrib), len(found)) == (text, 0, 0)
    if text is None:
        assert len(found.getparent()) == 1
    grammar = NEWER_GRAMMAR if made.declared else PUBLISHED
    assert checks.problems(checks.parse(document), "fileDetails" if of_file else "report", AS_OF, grammar) == []
    if made.declared:  # the schema of November 2025 refuses what only newer documentation names
        assert checks.problems(checks.parse(document), "report", AS_OF)


@pytest.mark.parametrize("name", sorted(NEWER))
def test_what_the_live_schema_does_not_declare_is_not_written(name: str) -> None:
    """An annotation of the decision is refused by name; what a host says of an age becomes a line."""
    kind, _slash, annotation = name.partition("/")
    rest = NEWER - {name}
    if kind == "reportAnnotations":
        with pytest.raises(DocumentError) as caught:
            build_report(record(annotations=(annotation,), declared=tuple(rest)))
        assert (caught.value.field, caught.value.source) == (f"incidentSummary/{name}", LIVE)
        return
    also = AssociatedInput(type="Linked", age_discrepancy=True)
    told = build_report(record(subject=msgspec.structs.replace(SUSPECT, associated=(also,)), declared=tuple(rest)))
    root = etree.fromstring(told)
    places = {"person": "personOrUserReportedPerson", "associatedAccount": "associatedAccount"}
    for place, path in places.items():
        written = root.find(f"personOrUserReported/{path}/ageAssertionDiscrepancy") is not None
        assert written == (place != kind)
    assert "Age asserted differs" in told.decode()


def test_the_models_refuse_what_is_not_declared() -> None:
    person = common.Person(age=40, age_discrepancy=True)
    with pytest.raises(DocumentError) as caught:
        samples.whole_report(victims=(accounts.Victim(person=person),))
    assert caught.value.field == "person/ageAssertionDiscrepancy"
    assert samples.whole_report(victims=(accounts.Victim(person=person),), declared=NEWER)
