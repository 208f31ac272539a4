"""Text-only cases are filed with their thread as evidence; to whom it went; the simulator checks the documents."""

import pytest
from django.utils import timezone
from lxml import etree

from safehold.cases import service as cases
from safehold.cases.models import Case, CaseItem, Decision
from safehold.cybertip import service as cybertip
from safehold.cybertip.inputs import FilingInput
from safehold.cybertip.models import Filing, FilingFile
from safehold.cybertip.simulator import checks
from safehold.evidence import service as evidence
from safehold.evidence.models import Look
from safehold.hosts import contract
from safehold.path import commands, filing, filings
from safehold.subjects import service as subjects
from safehold.subjects.models import Host, Role
from tests.path.test_snapshot import TALKS, USE, arrive, item, said
from tests.support import desk, memory_host, stage

pytestmark = pytest.mark.django_db

SENDS = {**TALKS, "toward_child": ["sends_explicit"]}
DEVICE = contract.DeviceUse(type="IMEI", value="placeholder-1", event="Login", at=USE.at)


@pytest.fixture
def case(world: memory_host.World, ncmec: stage.Ncmec) -> Case:
    """A private message to two others among what they answered, brought in by the host."""
    world.add_item("m1", "user-17", kind="message", public=False)
    world.add_thread(
        "m1", said(2, "user-18", recipients=("user-17", "user-19")), said(3, recipients=("user-20",)),
        recipients=("user-18", "user-19"), thread="t1", title="room 1", complete=False, addresses=(USE,),
        devices=(DEVICE,),
    )  # fmt: skip
    return arrive("in_app", "m1", reporter_ref="user-18")


def record(decision: Decision) -> FilingInput:
    return filing.build_input(decision)


def problems(given: FilingInput) -> list[str]:
    """What the simulator, which knows nothing of the models, finds wrong in report and file details."""
    now = timezone.now()
    found = checks.problems(checks.parse(cybertip.preview(given)), "report", now)
    for document in cybertip.preview_files(given):
        found += checks.problems(checks.parse(document), "fileDetails", now)
    return found


def test_a_text_only_case_is_filed_with_its_thread(case: Case, ncmec: stage.Ncmec) -> None:
    decision = desk.decide(case, TALKS)
    stage.pass_time(hours=1)
    row = Filing.objects.get()
    assert row.state == "finished"
    thread = item(case, "m1").thread
    assert thread is not None
    sent = FilingFile.objects.get(filing=row)
    assert str(sent.sealed_id) == str(thread.pk)
    document = etree.fromstring(bytes(row.document))
    chat = document.find(".//chatImIncident")
    assert chat is not None
    assert chat.findtext("chatClient") == "Memory Host"
    assert chat.findtext("chatRoomName") == "room 1"
    assert "placeholder message m1" in (chat.findtext("content") or "")
    assert "placeholder message 2" not in (chat.findtext("content") or ""), (
        "the reported words; the rest is in the file"
    )
    given = record(decision)
    assert problems(given) == []
    (file,) = given.files
    assert (file.relevance, file.viewed, file.size) == ("reported", False, thread.size)
    assert dict(file.hashes) == {"MD5": thread.md5, "SHA1": thread.sha1, "SHA256": thread.sha256}
    assert given.subject is not None
    assert ("192.0.2.17", "Login", 40117) in [(one.ip, one.event, one.port) for one in given.subject.ip_events]
    assert [(one.type, one.value) for one in given.subject.devices] == [("IMEI", "placeholder-1")]


def test_sending_to_a_child_may_be_filed_with_the_thread(case: Case, ncmec: stage.Ncmec) -> None:
    """S26: the report is permitted, not required, so that a person orders it."""
    decision = desk.decide(case, SENDS)
    stage.pass_time(hours=1)
    assert not Filing.objects.exists()
    commands.file_report(decision.pk, actor="staff:custodian-1")
    stage.pass_time(hours=1)
    assert Filing.objects.get().state == "finished"
    assert problems(record(decision)) == []


def test_recipients_are_those_whom_the_reported_message_went_to(case: Case) -> None:
    decision = desk.decide(case, TALKS)
    assert [one.account_id for one in record(decision).recipients] == ["user-18", "user-19"]
    assert all(one.service == "Memory Host" for one in record(decision).recipients)
    assert record(decision).victims == ()


def test_an_apparent_victim_is_a_victim_and_no_recipient(case: Case) -> None:
    account = subjects.account(Host.objects.get(slug="memory"), "user-18", handle="@user-18")
    cases.add_subject(case, account, role=Role.APPARENT_VICTIM, actor="staff:first")
    decision = desk.decide(case, TALKS, subject=case.subjects.get(account__external_id="user-17"))
    given = record(decision)
    assert [one.account_id for one in given.recipients] == ["user-19"]
    assert [one.account_id for one in given.victims] == ["user-18"]
    assert given.subject is not None
    assert given.subject.account_id == "user-17"
    assert problems(given) == []
    document = etree.fromstring(cybertip.preview(given))
    assert [one.findtext(".//espIdentifier") for one in document.findall("victim")] == ["user-18"]
    assert [one.findtext(".//espIdentifier") for one in document.findall("intendedRecipient")] == ["user-19"]


def test_a_subject_who_is_a_victim_is_never_a_sender(case: Case) -> None:
    """Where the policy files the subject as a victim, those whom they wrote to are not told of as recipients."""
    decision = desk.decide(case, TALKS)
    decision.outcome = {**decision.outcome, "filed_as": "victim"}
    given = record(decision)
    assert given.subject is None
    assert given.recipients == ()
    assert [one.account_id for one in given.victims] == ["user-17"]


@pytest.mark.parametrize("revealed", [True, False])
def test_viewed_is_what_the_exposure_log_says(case: Case, revealed: bool) -> None:
    """A look at the message itself is none at the thread, nor does the host's own staff count for it."""
    row = item(case, "m1")
    CaseItem.objects.update(viewed_by_host_staff=True)
    commands.lease_case(case.pk, actor=desk.FIRST, device=desk.DEVICE)
    commands.reveal_item(row.pk, actor=desk.FIRST, device=desk.DEVICE)
    if revealed:
        commands.reveal_item(row.pk, actor=desk.FIRST, device=desk.DEVICE, around=True)
    commands.release_case(case.pk, actor=desk.FIRST, device=desk.DEVICE)
    decision = desk.decide(case, TALKS)
    (file,) = record(decision).files
    assert file.viewed is revealed
    told = filings.preview(decision, actor="staff:first")
    assert [(one.name, one.media_type.partition(";")[0], one.seen) for one in told.files] == [
        ("thread.txt", "text/plain", "staff" if revealed else "nobody")
    ]
    assert Look.objects.filter(kind="whole", sealed=row.thread).exists() is revealed


def test_a_case_with_a_file_keeps_what_stood_around_to_itself(world: memory_host.World, ncmec: stage.Ncmec) -> None:
    world.add_item("o1", "user-17", body=b"bytes of an open post", public=True)
    world.add_thread("o1", said(4, "user-18"), addresses=(USE,))
    decision = desk.decide(arrive("form", "o1"), desk.SUSPENDS)
    given = record(decision)
    assert [one.file_name for one in given.files] == ["o1.png"]
    assert given.chat is None
    assert "placeholder message 4" not in cybertip.preview(given).decode()
    assert problems(given) == []


def test_a_post_without_a_file_has_its_thread_and_is_no_chat(world: memory_host.World, ncmec: stage.Ncmec) -> None:
    world.add_item("o1", "user-17", public=True, url="https://memory.test/o1")
    world.add_thread("o1", said(4, "user-18", reply_to="o1"), complete=True)
    decision = desk.decide(arrive("form", "o1"), TALKS)
    given = record(decision)
    assert [one.file_name for one in given.files] == ["thread.txt"]
    assert (given.chat, given.recipients, given.urls) == (None, (), ("https://memory.test/o1",))
    assert problems(given) == []


def test_two_messages_with_one_thread_send_it_once(world: memory_host.World, ncmec: stage.Ncmec) -> None:
    """Each message has a window of its own; the same bytes are one file."""
    for name in ("m1", "m2"):
        world.add_item(name, "user-17", kind="message", public=False)
        world.add_thread(name, said(2, "user-18"), recipients=("user-18",), thread="t1")
    row = arrive("in_app", "m1", "m2")
    assert len(record(desk.decide(row, TALKS)).files) == 2
    one, two = (item(row, name) for name in ("m1", "m2"))
    CaseItem.objects.filter(pk=two.pk).update(thread=one.thread)
    decision = Decision.objects.get()
    assert len(record(decision).files) == 1
    chat = record(decision).chat
    assert chat is not None
    assert "placeholder message m1" in chat.content
    assert "placeholder message m2" in chat.content


def test_without_a_context_the_text_stands_as_before(world: memory_host.World, ncmec: stage.Ncmec) -> None:
    world.add_item("m1", "user-17", kind="message", public=False)
    decision = desk.decide(arrive("in_app", "m1"), TALKS)
    given = record(decision)
    assert (given.files, given.chat, given.recipients) == ((), None, ())
    assert "placeholder message m1" in given.additional_info
    assert problems(given) == []


def test_the_thread_of_a_report_is_byte_for_byte_what_was_sealed(case: Case) -> None:
    decision = desk.decide(case, TALKS)
    (file,) = record(decision).files
    body = b"".join(evidence.open_sealed(file.sealed_id, actor="system:test", purpose="verify", about="test"))
    assert body.decode().startswith("Thread t1 of Memory Host\nTitle: room 1\nReported account: user-17\n")
