"""`safehold cybertip validate|preview|schema`: documents and the schema they are checked with."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from safehold.cybertip.inputs import FilingInput
    from safehold.cybertip.xsd import LiveSchema

ACTOR = "operator:command-line"


def add(group: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the verbs below `safehold cybertip`."""
    validate = group.add_parser(
        "validate",
        help="check a report, file details, or an input record; ends with 1 if it is invalid",
        epilog="Example: safehold cybertip validate report.xml --schema schema.xsd",
    )
    validate.add_argument("file", type=Path, help="a document (.xml) or an input record (.json)")
    validate.add_argument("--schema", type=Path, help="check with this schema; default: the one in force, if any")
    validate.add_argument("--batched", action="store_true", help="the file details belong to a batched report")
    validate.add_argument(
        "--agreement", action="store_true", help="the operator has the Industry Hash Sharing Platform's agreement"
    )
    validate.set_defaults(run=_validate)
    preview = group.add_parser(
        "preview",
        help="the report that an input record makes, and what it lacks; nothing is stored or sent",
        epilog="Example: safehold cybertip preview record.json",
    )
    preview.add_argument("file", type=Path, help="an input record (.json)")
    preview.add_argument("--details", type=int, metavar="N", help="show the details of the N-th file instead")
    preview.set_defaults(run=_preview)
    schema = group.add_parser("schema", help="the service's own schema").add_subparsers(required=True, metavar="VERB")
    fetch = schema.add_parser(
        "fetch",
        help="ask the service for its schema and check every document with it from now on",
        epilog="Example: safehold cybertip schema fetch",
    )
    fetch.set_defaults(run=_fetch)
    show = schema.add_parser(
        "show",
        help="the schema in force: hash, dates, and how it differs; ends with 1 if it differs",
        epilog="Example: safehold cybertip schema show",
    )
    show.add_argument("--save", type=Path, metavar="FILE", help="also write the schema to this file")
    show.set_defaults(run=_show)


def _validate(arguments: argparse.Namespace) -> int:
    from safehold.cybertip.xsd import BadSchema

    try:
        raw = arguments.file.read_bytes()
        live = _schema(arguments.schema)
    except (OSError, BadSchema) as error:
        print(f"safehold: {error}", file=sys.stderr)
        return 2
    if arguments.file.suffix not in (".xml", ".json"):
        print("safehold: the file's name must end in .xml or .json.", file=sys.stderr)
        return 2
    found = _of_record(raw, live) if arguments.file.suffix == ".json" else _of_document(raw, live, arguments)
    for problem in found:
        print(problem)
    if not found:
        print("Valid" + (f", also by the schema {live.sha256[:12]}." if live else "; no live schema was asked."))
    return 1 if found else 0


def _schema(path: Path | None) -> "LiveSchema | None":
    """The schema to check with: the given file's, else the one in force. Raises BadSchema, OSError."""
    from django.db import DatabaseError

    from safehold.cybertip import schema, service
    from safehold.cybertip.xsd import LiveSchema

    if path is not None:
        return LiveSchema(path.read_bytes())
    try:
        row = service.current_schema()
    except DatabaseError as error:
        print(f"safehold: no schema from the database ({type(error).__name__}).", file=sys.stderr)
        return None
    return None if row is None else schema.parsed(row)


def _of_document(raw: bytes, live: "LiveSchema | None", arguments: argparse.Namespace) -> list[str]:
    """What the models find wrong, then what the schema finds wrong."""
    from django.utils import timezone

    from safehold.cybertip.differences import declared
    from safehold.cybertip.document import DocumentError
    from safehold.cybertip.document.read import read_file_details, read_report, root_of

    try:
        if root_of(raw, "report", "fileDetails").tag == "report":
            read_report(raw, timezone.now(), declared(live) if live else frozenset())
        else:
            read_file_details(raw, timezone.now(), batched=arguments.batched, agreement=arguments.agreement)
    except DocumentError as error:
        return [str(error)]
    return [str(one) for one in live.problems(raw)] if live else []


def _of_record(raw: bytes, live: "LiveSchema | None") -> list[str]:
    import msgspec

    from safehold.cybertip import inputs
    from safehold.cybertip.document import DocumentError

    try:
        documents = _documents(inputs.decode(raw), live)
    except msgspec.DecodeError as error:
        return [f"The record is not one: {error}."]
    except DocumentError as error:
        return [str(error)]
    return [str(one) for document in documents for one in (live.problems(document) if live else ())]


def _documents(record: "FilingInput", live: "LiveSchema | None") -> list[bytes]:
    """The report and the details of every file, with stand-ins for the service's ids. Raises DocumentError."""
    import msgspec

    from safehold.cybertip.differences import declared
    from safehold.cybertip.document.build import build_file_details, build_report

    record = msgspec.structs.replace(record, declared=tuple(sorted(declared(live))) if live else ())
    details = (build_file_details(record, file, report_id=1, file_id="not-uploaded") for file in record.files)
    return [build_report(record), *details]


def _preview(arguments: argparse.Namespace) -> int:
    import msgspec

    from safehold.cybertip import inputs
    from safehold.cybertip.document import DocumentError

    try:
        record = inputs.decode(arguments.file.read_bytes())
        documents = _documents(record, _schema(None))
    except (OSError, msgspec.DecodeError) as error:
        print(f"safehold: {arguments.file}: {error}", file=sys.stderr)
        return 2
    except DocumentError as error:
        print(f"No document can be built. {error}", file=sys.stderr)
        return 1
    wanted = 0 if arguments.details is None else arguments.details
    if not 0 <= wanted < len(documents) or arguments.details == 0:
        print(f"safehold: the record has {len(documents) - 1} file(s), counted from 1.", file=sys.stderr)
        return 2
    print(documents[wanted].decode(), end="")
    _figures(record)
    return 0


def _figures(record: Any) -> None:
    """Completeness and urgency, beside the document and not in it."""
    from safehold.cybertip.completeness import Ability, completeness, urgency

    full, urgent = completeness(record, frozenset(Ability)), urgency(record)
    print(f"Completeness: {full.score} of 100.", file=sys.stderr)
    for one in full.missing:
        where = f"a host may have it ({one.fetch})" if one.fetch else "only a person can tell it"
        files = f" [{', '.join(one.of)}]" if one.of else ""
        print(f"  missing: {one.what}{files}; {where}", file=sys.stderr)
    print(f"Urgency: {urgent.level}." + (f" Finding: {urgent.reason}" if urgent.reason else ""), file=sys.stderr)


def _fetch(_arguments: argparse.Namespace) -> int:
    from safehold.cybertip import schema, service
    from safehold.cybertip.xsd import BadSchema

    try:
        fetched = service.fetch_schema(actor=ACTOR)
    except (schema.NoSchema, BadSchema, ValueError) as error:
        print(f"safehold: {error}", file=sys.stderr)
        return 2
    print(f"{'A new schema' if fetched.changed else 'The same schema as before'}: {fetched.row.sha256}")
    return _differing(fetched.differences)


def _show(arguments: argparse.Namespace) -> int:
    from safehold.cybertip import schema, service
    from safehold.cybertip.differences import declared, differences

    row = service.current_schema()
    if row is None:
        print("No schema is stored; the built-in models alone check documents. Run: safehold cybertip schema fetch")
        return 1
    live = schema.parsed(row)
    print(f"SHA-256 {row.sha256}, {len(live.raw)} bytes, {row.environment}")
    print(f"First seen {row.first_seen.isoformat()}, last seen {row.last_seen.isoformat()}")
    print(f"Newer elements that it declares: {', '.join(sorted(declared(live))) or 'none'}")
    if arguments.save is not None:
        arguments.save.write_bytes(live.raw)
    return _differing(differences(live))


def _differing(found: list[str]) -> int:
    for line in found:
        print(f"- {line}")
    print(f"{len(found)} difference(s) from the built-in models." if found else "It agrees with the built-in models.")
    return 1 if found else 0
