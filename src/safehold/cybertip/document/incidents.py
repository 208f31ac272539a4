"""`internetDetails`: where it happened. Each holds exactly one kind of incident. Sources as in `common`."""

from typing import Annotated, Any, ClassVar

from lxml.builder import E

from safehold.cybertip.document.common import Address, IpCaptureEvent, Phone
from safehold.cybertip.document.element import Element, Nested, attribute, part
from safehold.cybertip.document.values import Bool, Degrees, Link, Mail, Text


class Incident(Element, frozen=True, kw_only=True):
    """One kind of incident; `NAME` is its element."""

    NAME: ClassVar[str] = ""

    def in_details(self) -> "InternetDetails":
        """This incident inside an `internetDetails` of its own."""
        return InternetDetails(incident=self)


class WebPage(Incident, frozen=True, kw_only=True):
    """Links to pages or files on the web."""

    NAME: ClassVar[str] = "webPageIncident"
    TYPE: ClassVar[str] = NAME

    third_party_hosted: Annotated[bool | None, attribute("thirdPartyHostedContent", Bool())] = None
    urls: Annotated[tuple[str, ...], part("url", Link(), many=True)] = ()
    additional_info: Annotated[str | None, part("additionalInfo", Text())] = None


class EmailMessage(Incident, frozen=True, kw_only=True):
    """E-mail. Each address must also appear on a person of the report, see `Report.rules`."""

    NAME: ClassVar[str] = "emailIncident"
    TYPE: ClassVar[str] = NAME

    addresses: Annotated[tuple[str, ...], part("emailAddress", Mail(), many=True)] = ()
    content: Annotated[str | None, part("content", Text())] = None
    additional_info: Annotated[str | None, part("additionalInfo", Text())] = None


class Newsgroup(Incident, frozen=True, kw_only=True):
    """A newsgroup. Addresses as for e-mail."""

    NAME: ClassVar[str] = "newsgroupIncident"
    TYPE: ClassVar[str] = NAME

    name: Annotated[str | None, part("name", Text(255))] = None
    addresses: Annotated[tuple[str, ...], part("emailAddress", Mail(), many=True)] = ()
    content: Annotated[str | None, part("content", Text())] = None
    additional_info: Annotated[str | None, part("additionalInfo", Text())] = None


class Chat(Incident, frozen=True, kw_only=True):
    """A chat or messenger."""

    NAME: ClassVar[str] = "chatImIncident"
    TYPE: ClassVar[str] = NAME

    client: Annotated[str | None, part("chatClient", Text(255))] = None
    room: Annotated[str | None, part("chatRoomName", Text(255))] = None
    content: Annotated[str | None, part("content", Text())] = None
    additional_info: Annotated[str | None, part("additionalInfo", Text())] = None


class Game(Incident, frozen=True, kw_only=True):
    """An online game."""

    NAME: ClassVar[str] = "onlineGamingIncident"
    TYPE: ClassVar[str] = NAME

    name: Annotated[str | None, part("gameName", Text(255))] = None
    console: Annotated[str | None, part("console", Text(255))] = None
    content: Annotated[str | None, part("content", Text())] = None
    additional_info: Annotated[str | None, part("additionalInfo", Text())] = None


class CellPhone(Incident, frozen=True, kw_only=True):
    """A mobile telephone."""

    NAME: ClassVar[str] = "cellPhoneIncident"
    TYPE: ClassVar[str] = NAME

    number: Annotated[Phone | None, part("phoneNumber", Nested(Phone))] = None
    latitude: Annotated[float | None, part("latitude", Degrees(90))] = None
    longitude: Annotated[float | None, part("longitude", Degrees(180))] = None
    additional_info: Annotated[str | None, part("additionalInfo", Text())] = None


class NonInternet(Incident, frozen=True, kw_only=True):
    """Something that did not happen on the network."""

    NAME: ClassVar[str] = "nonInternetIncident"
    TYPE: ClassVar[str] = NAME

    location: Annotated[str | None, part("locationName", Text(255))] = None
    addresses: Annotated[tuple[Address, ...], part("incidentAddress", Nested(Address), many=True)] = ()
    additional_info: Annotated[str | None, part("additionalInfo", Text())] = None


class PeerToPeer(Incident, frozen=True, kw_only=True):
    """File sharing between peers."""

    NAME: ClassVar[str] = "peer2peerIncident"
    TYPE: ClassVar[str] = NAME

    client: Annotated[str | None, part("client", Text(255))] = None
    ip_events: Annotated[tuple[IpCaptureEvent, ...], part("ipCaptureEvent", Nested(IpCaptureEvent), many=True)] = ()
    file_names: Annotated[str | None, part("fileNames", Text())] = None
    additional_info: Annotated[str | None, part("additionalInfo", Text())] = None


class InternetDetails(Element, frozen=True, kw_only=True):
    """Holds exactly one incident."""

    TYPE: ClassVar[str] = "internetDetails"

    # Written under the incident's own name, hence none here.
    incident: Annotated[Incident, part("", Nested(Incident), required=True)]

    def render(self, name: str) -> Any:
        """`internetDetails` around the incident's own element."""
        return E(name, self.incident.render(self.incident.NAME))
