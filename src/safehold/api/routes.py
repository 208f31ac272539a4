"""The operations of `/api/v1`. Each names its key and scope, and declares every answer it can give."""

from itertools import chain
from typing import Any, cast

import msgspec
from django.http import HttpRequest
from ninja import NinjaAPI, Path, Status
from ninja.parser import Parser

from safehold.api import problems
from safehold.api.auth import HostBearer, PartnerBearer
from safehold.api.problems import ApiError, Problem
from safehold.api.schemas import EventOut, FlagIn, MeOut, ReportIn, ReportOut, SignupIn, SignupOut, State
from safehold.hosts import events, keys
from safehold.hosts.models import HostKey, PartnerKey, Scope
from safehold.intake import service as intake
from safehold.intake.models import Channel, Locator, Report
from safehold.path import commands
from safehold.policy.versions import classes

EVENT_BODY: dict[str, Any] = {
    "type": "object",
    "required": ["type", "data"],
    "properties": {
        "type": {"type": "string", "enum": list(events.TYPES)},
        "data": {"type": "object"},
        "timestamp": {"type": "string"},
        "id": {"type": "string"},
    },
}


class ExactJson(Parser):
    """JSON only, as RFC 8259 has it: no NaN, no broken letters, no other content type."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The decoded body. Raises ApiError 415 or 400."""
        need_json(request)
        try:
            return msgspec.json.decode(request.body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise ApiError(400, "bad_json", "The body is not JSON in UTF-8.") from None


def need_json(request: HttpRequest) -> None:
    """Raises ApiError 415 for a body of another type."""
    if (request.content_type or "").lower() != "application/json":
        raise ApiError(415, "wrong_content_type", "Send Content-Type: application/json. Files are never taken.")


api = NinjaAPI(
    title="Safehold for hosts",
    version="1",
    description=(
        "What a host's own software asks of Safehold, and tells it. Errors are `{error, message, field}`; where one"
        " is answered, nothing was changed. No operation takes a file."
    ),
    docs_url=None,
    parser=ExactJson(),
    urls_namespace="api",
)
problems.install(api)


def answers(*extra: int, **good: Any) -> dict[Any, Any]:
    """The declared answers of an operation: its own, and the errors that any of its kind can give."""
    own: dict[Any, Any] = {int(code.removeprefix("s")): schema for code, schema in good.items()}
    return own | dict.fromkeys(sorted({401, *extra}), Problem)


@api.post("/reports", response=answers(400, 403, 413, 415, 422, s201=ReportOut, s200=ReportOut), by_alias=True,
          auth=HostBearer(Scope.REPORTS), operation_id="report",
          summary="Report from inside the host's app")  # fmt: skip
def report(request: HttpRequest, body: ReportIn) -> Status[Any]:
    """Take a report. 201 with a receipt once it is saved; 200 with the same receipt for the same once_key.

    Ids, names and links that lead nowhere are accepted: their state tells. Scope: reports.
    """
    key = cast(HostKey, request.auth)  # type: ignore[attr-defined]
    return _take(
        intake.NewReport(
            channel=Channel.IN_APP, host=key.host_id, reporter_ref=body.reporter_account_id, **_contents(body)
        ),
        body.links,
    )


@api.post("/flags", response=answers(400, 413, 415, 422, s201=ReportOut, s200=ReportOut), by_alias=True,
          auth=PartnerBearer(), operation_id="flag", summary="Notice by a trusted flagger or an authority")  # fmt: skip
def flag(request: HttpRequest, body: FlagIn) -> Status[Any]:
    """Take a notice from a partner of the installation, with a partner's key."""
    partner = cast(PartnerKey, request.auth)  # type: ignore[attr-defined]
    return _take(
        intake.NewReport(channel=partner.kind, host=body.host, reporter_ref=str(partner.pk), **_contents(body)),
        body.links,
    )


@api.get("/reports/{receipt}", response=answers(404, s200=ReportOut),
         auth=[HostBearer(Scope.REPORTS), PartnerBearer()], operation_id="reportStatus",
         summary="Where a report stands")  # fmt: skip
def status(request: HttpRequest, receipt: Path[str]) -> Status[Any]:
    """Received, in review, or finished: nothing more. Only reports that this key's holder sent. Scope: reports."""
    row = intake.by_code(receipt)
    if row is None or not _sent_by(row, request.auth):  # type: ignore[attr-defined]
        raise ApiError(404, "unknown_receipt", "You sent no report with this receipt.", "receipt")
    return Status(200, _report_out(row, cast(str, intake.read_code(receipt)), []))


@api.post("/signup-checks", response=answers(400, 403, 413, 415, 422, s200=SignupOut), auth=HostBearer(Scope.SIGNUP),
          operation_id="signupCheck", summary="May this person sign up?")  # fmt: skip
def signup_check(request: HttpRequest, body: SignupIn) -> dict[str, Any]:
    """Whether the person behind an e-mail address or telephone number is banned. Scope: signup."""
    key = cast(HostKey, request.auth)  # type: ignore[attr-defined]
    answer = commands.check_signup(key.host, emails=tuple(body.emails), phones=tuple(body.phones), ip=body.ip)
    return {"refused": answer.refused, "by": answer.by}


@api.post("/events", response=answers(400, 404, 409, 413, 415, 422, s202=EventOut), operation_id="event",
          summary="What happened on the host", auth=None, openapi_extra={
              "requestBody": {"required": True, "content": {"application/json": {"schema": EVENT_BODY}}},
              "parameters": [
                  {"in": "header", "name": name, "required": True, "schema": {"type": "string"}}
                  for name in ("safehold-host", *events.HEADERS)
              ],
          })  # fmt: skip
def event(request: HttpRequest) -> Status[Any]:
    """Take an event, signed as Standard Webhooks says with the host's secret. `safehold-host` is the host's slug."""
    need_json(request)
    host = request.headers.get("safehold-host", "")
    if not host:  # a host that sends its key as well has said who it is; the signature is checked all the same
        key = keys.authenticate(request.headers.get("authorization"))
        if key is None:
            raise ApiError(400, "no_host", "Name your host in the header safehold-host.", "safehold-host")
        host = key.host_id
    try:
        taken = events.receive(host[:100], dict(request.headers), request.body, then=commands.receive_event)
    except events.EventRefused as refusal:
        raise ApiError(refusal.status, refusal.code, str(refusal)) from None
    return Status(202, {"id": taken.id, "type": taken.type, "repeated": taken.repeated})


@api.get("/me", response=answers(s200=MeOut), auth=[HostBearer(), PartnerBearer()], operation_id="me",
         summary="Whose key is this?")  # fmt: skip
def me(request: HttpRequest) -> dict[str, Any]:
    """The host or partner that the key was issued to, and the key's scopes."""
    key = request.auth  # type: ignore[attr-defined]
    if isinstance(key, HostKey):
        return {"kind": "host", "id": key.host_id, "name": key.host.name, "scopes": list(key.scopes)}
    return {"kind": key.kind, "id": str(key.pk), "name": key.name, "scopes": ["flags"]}


def _contents(body: ReportIn | FlagIn) -> dict[str, Any]:
    """What reports and flags share, as intake takes it."""
    known = classes()
    if body.class_id and body.class_id not in known:
        raise ApiError(422, "wrong_value", f"class must be empty or one of: {', '.join(known)}.", "class")
    return {
        "once_key": body.once_key,
        "locators": tuple(body.links),
        "item_ids": tuple(body.item_ids),
        "account_ids": (body.account_id,) if body.account_id else (),
        "reason": body.reason,
        "class_id": body.class_id,
        "urgent": body.urgent,
        "language": body.language,
    }


def _take(new: intake.NewReport, links: list[str]) -> Status[Any]:
    try:
        accepted = commands.receive_report(new)
    except intake.TooLong as problem:
        raise ApiError(422, "too_long", str(problem), problem.field) from None
    except intake.UnknownHost as problem:
        raise ApiError(422, "unknown_host", str(problem), "host") from None
    except intake.NoOnceKey as problem:
        raise ApiError(422, "missing_field", str(problem), "once_key") from None
    return Status(200 if accepted.repeated else 201, _report_out(accepted.report, accepted.code, links))


def _report_out(row: Report, code: str, links: list[str]) -> dict[str, Any]:
    """The answer's body. Links off the platform are named back from the request: they are not kept readable."""
    rows = list(row.locators.all())
    kept = {one.raw for one in rows}
    away = chain((link for link in dict.fromkeys(intake.clean(text) for text in links) if link not in kept), [""] * 50)
    return {
        "receipt": code,
        "state": cast(State, row.state),
        "locators": [
            {"raw": next(away) if one.state == Locator.State.ELSEWHERE else one.raw, "state": one.state} for one in rows
        ],
    }


def _sent_by(row: Report, key: HostKey | PartnerKey) -> bool:
    if isinstance(key, HostKey):
        return row.channel == Channel.IN_APP and row.host_id == key.host_id
    return row.channel == key.kind and row.partner == str(key.pk)
