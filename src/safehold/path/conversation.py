"""What a CyberTip says from what stood around its items: the thread as its file, the chat, to whom, from where.

`filing` alone calls these, with the contexts that it read from the vault. A case without a file of its own has its
thread as evidence; where an item has a file, what stood around it is held with it and not sent.
"""

from datetime import datetime

from safehold.cases.models import CaseItem, Decision
from safehold.cybertip import inputs
from safehold.evidence import service as evidence
from safehold.evidence.models import Sealed
from safehold.hosts.contract import AddressUse, Context, DeviceUse
from safehold.subjects.models import Account, Role

Contexts = dict[CaseItem, Context]


def threads(items: list[CaseItem]) -> list[Sealed]:
    """The threads that are evidence: of items without a file, each once."""
    found = {item.thread.sha256: item.thread for item in items if item.body_id is None and item.thread is not None}
    return list(found.values())


def files(items: list[CaseItem], before: datetime) -> tuple[inputs.FileInput, ...]:
    """The threads as files of the report. Viewed is what our exposure log says: no host's staff saw this file."""
    return tuple(
        inputs.FileInput(
            sealed_id=str(sealed.pk),
            viewed=evidence.viewed_whole(sealed.pk, before=before),
            file_name=sealed.file_name,
            size=sealed.size,
            hashes=(("MD5", sealed.md5), ("SHA1", sealed.sha1), ("SHA256", sealed.sha256)),
            relevance="reported",
            additional_info="The messages around what is reported, as the service gave them.",
        )
        for sealed in threads(items)
    )


def chat(items: list[CaseItem], contexts: Contexts, host_name: str) -> inputs.ChatInput | None:
    """Where it was said, and the reported messages' own words. None where nothing that is reported is a message."""
    said = {item: found for item, found in contexts.items() if item.item.kind == "message" and found.messages}
    if not any(item.body_id is None for item in said):
        return None
    rooms = dict.fromkeys(found.title or found.thread for found in said.values() if found.title or found.thread)
    words = {one.id: one for found in said.values() for one in found.messages if one.id in _reported(items, said)}
    lines = [f"{one.at.isoformat()} {one.text}" if one.at else one.text for one in words.values() if one.text]
    return inputs.ChatInput(client=host_name, room="; ".join(rooms), content="\n".join(lines))


def _reported(items: list[CaseItem], said: Contexts) -> set[str]:
    return {item.item.external_id for item in items} | {found.about for found in said.values()}


def recipients(decision: Decision, contexts: Contexts) -> tuple[inputs.AccountInput, ...]:
    """To whom the subject sent what is reported, as the host named them; an apparent victim is none of these.

    There is no role of a recipient in a case: who received something is the host's word alone, so that nothing but
    the account is told of them.
    """
    account = decision.subject.account
    if account is None:
        return ()
    wanted = {
        name: None
        for found in contexts.values()
        for one in found.messages
        if one.sender == account.external_id and one.id == found.about
        for name in one.recipients
    }
    victims = decision.subject.case.subjects.filter(role=Role.APPARENT_VICTIM, account__host=account.host)
    wanted.pop(account.external_id, None)
    for name in victims.values_list("account__external_id", flat=True):
        wanted.pop(name, None)
    known = {row.external_id: row for row in Account.objects.filter(host=account.host, external_id__in=list(wanted))}
    return tuple(
        inputs.AccountInput(
            account_id=name, service=account.host.name, handle=known[name].handle if name in known else ""
        )
        for name in wanted
    )


def uses(decision: Decision, contexts: Contexts) -> tuple[tuple[AddressUse, ...], tuple[DeviceUse, ...]]:
    """From where and with what the subject's account was used around the items, each once."""
    own = [found for item, found in contexts.items() if item.subject_id == decision.subject_id]
    addresses = dict.fromkeys(use for found in own for use in found.addresses)
    devices = dict.fromkeys(use for found in own for use in found.devices)
    return tuple(addresses), tuple(devices)
