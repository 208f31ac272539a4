"""The JSON that the API takes and gives. Types are exact: `"1"` is no number, unknown fields are refused."""

from typing import Annotated, Literal

from ninja import Schema
from pydantic import ConfigDict, Field

Id = Annotated[str, Field(min_length=1, max_length=255)]
Link = Annotated[str, Field(min_length=1, max_length=2083)]
NOTHING: list[str] = []  # pydantic copies defaults
State = Literal["received", "in_review", "finished"]


class Strict(Schema):
    """No coercion, nothing unknown."""

    model_config = ConfigDict(strict=True, extra="forbid", populate_by_name=True)


class ReportIn(Strict):
    """A report from inside the host's app. Only `once_key` is needed: no evidence is asked for, no file taken."""

    once_key: Annotated[str, Field(min_length=8, max_length=200, description="Random, the same for each resend.")]
    account_id: Annotated[str, Field(max_length=255, description="The host's id of the reported account.")] = ""
    item_ids: Annotated[list[Id], Field(max_length=50, description="The host's ids of reported items.")] = NOTHING
    links: Annotated[list[Link], Field(max_length=50, description="Links or @names, as pasted.")] = NOTHING
    reason: Annotated[str, Field(max_length=20_000)] = ""
    class_id: Annotated[
        str, Field(alias="class", max_length=40, description="A class of the policy, as cse; empty where not said.")
    ] = ""
    reporter_account_id: Annotated[str, Field(max_length=255, description="Kept apart, and erased in time.")] = ""
    urgent: Annotated[bool, Field(description="Somebody may be in danger now.")] = False
    language: Annotated[str, Field(max_length=35, description="BCP 47; of the reporter.")] = "en"


class FlagIn(Strict):
    """A notice by a trusted flagger or an authority: as a report, and the host that it is about."""

    once_key: Annotated[str, Field(min_length=8, max_length=200, description="Random, the same for each resend.")]
    host: Annotated[str, Field(max_length=40, description="Needed with account_id or item_ids.")] = ""
    account_id: Annotated[str, Field(max_length=255)] = ""
    item_ids: Annotated[list[Id], Field(max_length=50)] = NOTHING
    links: Annotated[list[Link], Field(max_length=50)] = NOTHING
    reason: Annotated[str, Field(max_length=20_000)] = ""
    class_id: Annotated[str, Field(alias="class", max_length=40)] = ""
    urgent: bool = False
    language: Annotated[str, Field(max_length=35)] = "en"


class LocatorOut(Schema):
    """One thing that a report names. `raw` is empty later on for what lies off the platform: it is not kept."""

    raw: str
    state: Literal["checking", "found", "not_found", "elsewhere"]


class ReportOut(Schema):
    """A receipt: what there is to know of a report, and all that its sender is told."""

    receipt: str
    state: State
    locators: list[LocatorOut]


class SignupIn(Strict):
    """Who wants an account. Kept nowhere; `ip` never decides."""

    emails: Annotated[list[Annotated[str, Field(max_length=254)]], Field(max_length=10)] = NOTHING
    phones: Annotated[list[Annotated[str, Field(max_length=40, description="E.164")]], Field(max_length=10)] = NOTHING
    ip: Annotated[str, Field(max_length=45)] = ""


class SignupOut(Schema):
    """Whether to refuse, and by which kind of identifier."""

    refused: bool
    by: Literal["", "email", "phone"]


class EventOut(Schema):
    """The event was taken. `repeated`: it had been before, and nothing more follows from it."""

    id: str
    type: str
    repeated: bool


class MeOut(Schema):
    """Whose key this is, and what it is for."""

    kind: Literal["host", "flagger", "authority"]
    id: str
    name: str
    scopes: list[str]
