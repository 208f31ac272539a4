"""From the input record to `internetDetails`: where it happened, one for each kind that is told.

Others in this package use `details`. What a host logged wrongly goes to the incident's own
`additionalInfo`, of `FilingInput.urls` and `FilingInput.chat` to the report's.
"""

from datetime import datetime
from typing import Any

from safehold.cybertip.document.incidents import (
    CellPhone,
    Chat,
    EmailMessage,
    Game,
    Incident,
    InternetDetails,
    Newsgroup,
    NonInternet,
    PeerToPeer,
    WebPage,
)
from safehold.cybertip.document.notes import Notes
from safehold.cybertip.document.people import address, ip_event, phone
from safehold.cybertip.document.values import Link, Mail
from safehold.cybertip.inputs import (
    CellPhoneIncident,
    ChatIncident,
    ChatInput,
    EmailIncident,
    FilingInput,
    GameIncident,
    NewsgroupIncident,
    OfflineIncident,
    PeerIncident,
    WebIncident,
)
from safehold.cybertip.inputs import Incident as Told


def details(record: FilingInput, known: frozenset[str], notes: Notes) -> tuple[InternetDetails, ...]:
    """All places of the record. `known` are the e-mail addresses of the report's people."""
    found: list[Incident] = []
    urls = _links(record.urls, notes)
    if urls:
        found.append(WebPage(urls=urls, third_party_hosted=record.third_party_hosted))
    if record.chat is not None:
        chat = notes.fit("Chat", Chat, _chat(record.chat))
        found.append(Chat(**chat, additional_info=record.chat.additional_info))
    found += [_incident(one, known, record.as_of) for one in record.incidents]
    return tuple(one.in_details() for one in found)


def _incident(given: Told, known: frozenset[str], as_of: datetime) -> Incident:
    notes = Notes()
    kind, values = _parts(given, known, as_of, notes)
    values = notes.fit("Incident", kind, values)
    return kind(**values, additional_info=notes.below(given.additional_info))


def _parts(given: Told, known: frozenset[str], as_of: datetime, notes: Notes) -> tuple[type[Any], dict[str, Any]]:
    """Kind and values of one incident, without its `additionalInfo`."""
    match given:
        case WebIncident():
            return WebPage, {"urls": _links(given.urls, notes), "third_party_hosted": given.third_party_hosted}
        case EmailIncident():
            return EmailMessage, {"addresses": _mails(given.addresses, known, notes), "content": given.content}
        case NewsgroupIncident():
            mails = _mails(given.addresses, known, notes)
            return Newsgroup, {"name": given.name, "addresses": mails, "content": given.content}
        case ChatIncident():
            return Chat, _chat(given)
        case GameIncident():
            return Game, {"name": given.name, "console": given.console, "content": given.content}
        case CellPhoneIncident():
            told = given.phone
            number = None if told is None else notes.attempt("Telephone", told, lambda: phone(told, as_of, notes))
            return CellPhone, {"number": number, "latitude": given.latitude, "longitude": given.longitude}
        case OfflineIncident():
            places = notes.each("Postal address", given.addresses, lambda one: address(one, notes))
            return NonInternet, {"location": given.location, "addresses": places}
        case PeerIncident():
            events = notes.each("Address", given.ip_events, lambda one: ip_event(one, as_of, notes))
            return PeerToPeer, {"client": given.client, "ip_events": events, "file_names": given.file_names}


def _chat(chat: ChatInput) -> dict[str, Any]:
    return {"client": chat.client, "room": chat.room, "content": chat.content}


def _links(urls: tuple[str, ...], notes: Notes) -> tuple[str, ...]:
    return notes.each("Link", urls, lambda url: Link().check(url, "url"))


def _mails(addresses: tuple[str, ...], known: frozenset[str], notes: Notes) -> tuple[str, ...]:
    """Those that stand on a person of the report, as the documentation asks; the others are told."""
    found = notes.each("E-mail address", addresses, lambda one: Mail().check(one, "emailAddress"))
    for one in found:
        if one not in known:
            notes.tell("E-mail address of nobody else in this report", one)
    return tuple(one for one in found if one in known)
