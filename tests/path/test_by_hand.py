"""Filing by hand, trying again, and telling NCMEC of a wrong report: the commands of `path.filings`."""

import io
import json
import zipfile

import pytest
from lxml import etree

from safehold.audit import service as audit
from safehold.audit.machine import IllegalMove
from safehold.audit.models import Entry
from safehold.cases.models import Decision, Duty
from safehold.cybertip import service as cybertip
from safehold.cybertip.client import Outcome
from safehold.cybertip.models import Filing, Submission
from safehold.evidence.models import Hold, Look
from safehold.path import commands, filings, order, reconciling
from safehold.path.filing import one_year_after
from safehold.work.models import Task
from tests.support import desk, memory_host
from tests.support.jobs import run_due
from tests.support.stage import FIRST, THIRD, Ncmec, appeal, case_of, check_everywhere, look_again, pass_time

pytestmark = pytest.mark.django_db
CUSTODIAN = "staff:custodian"


def decide(**more: object) -> Decision:
    return desk.decide(case_of("p1", "p2", **more), desk.SUSPENDS)


def the_filing() -> Filing:
    return Filing.objects.get()


def agrees() -> bool:
    found = reconciling.compare()
    assert found.agrees, found.differences
    return True


@pytest.fixture
def refused(world: memory_host.World, ncmec: Ncmec) -> Decision:
    """A decision whose report the service refuses: it failed, and a custodian was told."""
    ncmec.stuck = {"submit": Outcome.PERSON}
    decision = decide()
    assert the_filing().state == "failed"
    assert Task.objects.filter(kind="filing-failed", role="custodian").count() == 1
    return decision


def test_taken_in_hand_filed_and_held_as_any_other(refused: Decision, ncmec: Ncmec) -> None:
    row = filings.take_in_hand(refused.pk, actor=CUSTODIAN)
    assert (row.state, row.in_hand_by) == ("in_hand", CUSTODIAN)
    ncmec.stuck = {}
    order.file(refused)
    pass_time(hours=12)
    assert (the_filing().state, ncmec.finished, ncmec.opened) == ("in_hand", [], 1), "the worker left it alone"
    row = filings.enter_number(row.pk, report_id=7654321, actor=CUSTODIAN)
    run_due()
    assert (row.state, row.report_id, row.in_hand_by, row.receipt) == ("by_hand", 7654321, CUSTODIAN, None)
    hold = Hold.objects.get(ref=audit.ref(row))
    assert row.ended_at is not None
    assert hold.until == one_year_after(row.ended_at)
    assert hold.items.count() == 4  # the picture, what the host said of both items, and of the account
    assert not Duty.objects.filter(kind__in=order.REPORTS, state="open").exists()
    assert agrees()
    pass_time(hours=12)
    assert ncmec.finished == []


def test_nothing_can_be_done_twice_or_out_of_turn(refused: Decision) -> None:
    with pytest.raises(IllegalMove, match="in"):
        filings.packet(the_filing().pk, actor=CUSTODIAN)
    row = filings.take_in_hand(refused.pk, actor=CUSTODIAN)
    with pytest.raises(cybertip.NotNow):
        filings.take_in_hand(refused.pk, actor="staff:other")
    assert the_filing().in_hand_by == CUSTODIAN
    for wrong in (0, -1, 10**15):
        with pytest.raises(ValueError, match="number"):
            filings.enter_number(row.pk, report_id=wrong, actor=CUSTODIAN)
    filings.enter_number(row.pk, report_id=5, actor=CUSTODIAN)
    with pytest.raises(cybertip.NotNow):
        filings.enter_number(row.pk, report_id=6, actor=CUSTODIAN)
    with pytest.raises(cybertip.NotNow):
        filings.give_back(row.pk, because="nothing was sent", actor=CUSTODIAN)
    with pytest.raises(IllegalMove):
        filings.take_in_hand(refused.pk, actor=CUSTODIAN)
    assert the_filing().report_id == 5


def test_two_filings_never_have_one_number(refused: Decision, ncmec: Ncmec) -> None:
    filings.enter_number(filings.take_in_hand(refused.pk, actor=CUSTODIAN).pk, report_id=5, actor=CUSTODIAN)
    other = desk.decide(case_of("q1", number=2), desk.SUSPENDS)
    row = filings.take_in_hand(other.pk, actor=CUSTODIAN)
    with pytest.raises(ValueError, match="already"):
        filings.enter_number(row.pk, report_id=5, actor=CUSTODIAN)
    row.refresh_from_db()
    assert row.state == "in_hand"
    Filing.objects.filter(pk=row.pk).update(environment="test")
    filings.enter_number(row.pk, report_id=5, actor=CUSTODIAN)  # another service counts anew


def test_given_back_it_is_filed_once_by_the_worker(refused: Decision, ncmec: Ncmec) -> None:
    row = filings.take_in_hand(refused.pk, actor=CUSTODIAN)
    with pytest.raises(ValueError, match="Say how"):
        filings.give_back(row.pk, because=" ", actor=CUSTODIAN)
    ncmec.stuck = {}
    filings.give_back(row.pk, because="the form was never sent", actor=CUSTODIAN)
    run_due()
    row = the_filing()
    assert (row.state, row.in_hand_by) == ("finished", "")
    assert len(ncmec.finished) == 1
    assert agrees()


def test_what_is_open_at_the_service_is_retracted(world: memory_host.World, ncmec: Ncmec) -> None:
    ncmec.stuck = {"upload": Outcome.RETRY}
    decision = decide()
    assert the_filing().state == "opened"
    filings.take_in_hand(decision.pk, actor=CUSTODIAN)
    assert Submission.objects.get().state == "left"
    run_due()
    assert Submission.objects.get().state == "retracted"
    assert Entry.objects.filter(act="filing.left_retracted").count() == 1


def test_after_finish_was_sent_only_its_own_number_is_taken(world: memory_host.World, ncmec: Ncmec) -> None:
    ncmec.stuck = {"finish": Outcome.UNSURE}
    decision = decide()
    row = the_filing()
    with pytest.raises(cybertip.NotNow, match="Finish was sent"):
        filings.take_in_hand(decision.pk, actor=CUSTODIAN)
    with pytest.raises(cybertip.NotNow, match="Finish was sent"):
        filings.enter_number(row.pk, report_id=999, actor=CUSTODIAN)
    filings.enter_number(row.pk, report_id=1001, actor=CUSTODIAN)  # NCMEC told: that one is finished
    row.refresh_from_db()
    assert (row.state, row.report_id, row.submissions.get().state) == ("by_hand", 1001, "finished")
    assert agrees()


def test_the_packet_is_whole_the_same_every_time_and_on_record(refused: Decision) -> None:
    row = filings.take_in_hand(refused.pk, actor=CUSTODIAN)
    first, again = (filings.packet(row.pk, actor=CUSTODIAN) for _ in range(2))
    assert first == again
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {"README.txt", "report.xml", "files.json", "file-1.xml"}
        assert archive.read("report.xml") == bytes(row.document)
        told = json.loads(archive.read("files.json"))
        assert told["report_sha256"] == row.document_sha256
        (file,) = told["files"]
        sealed = refused.covers.get(item__external_id="p1").body
        assert sealed is not None
        assert (file["sealed_id"], file["size"], file["viewed"]) == (str(sealed.pk), sealed.size, False)
        assert ["SHA256", sealed.sha256] in file["hashes"]
        assert etree.fromstring(archive.read("file-1.xml")).tag == "fileDetails"
        readme = archive.read("README.txt").decode()
    assert "Do not send it to NCMEC's production form" in readme
    assert sealed.sha256 in readme
    taken = Entry.objects.filter(act="filing.packet_taken", about=audit.ref(row))
    assert [entry.actor for entry in taken] == [CUSTODIAN] * 2


def test_reversed_while_in_hand_it_is_the_holders_to_say_what_became_of_it(refused: Decision) -> None:
    row = filings.take_in_hand(refused.pk, actor=CUSTODIAN)
    look_again(appeal(refused), desk.CLEARED, grant=True)
    row.refresh_from_db()
    assert row.state == "in_hand", "the form may be sent by now"
    assert Task.objects.filter(kind="filing-in-hand-reversed").count() == 1
    filings.give_back(row.pk, because="the form was never sent", actor=CUSTODIAN)
    run_due()
    assert the_filing().state == "not_reportable"
    assert agrees()


def test_reversed_while_in_hand_and_sent_it_is_told_to_ncmec(refused: Decision) -> None:
    row = filings.take_in_hand(refused.pk, actor=CUSTODIAN)
    look_again(appeal(refused), desk.CLEARED, grant=True)
    filings.enter_number(row.pk, report_id=77, actor=CUSTODIAN)
    assert Task.objects.filter(kind="tell-ncmec", about=audit.ref(row)).count() == 1
    letter = filings.letter_of(row)
    assert letter is not None
    assert "77" in letter.body


def test_a_waiver_waits_for_whoever_files_by_hand(refused: Decision) -> None:
    row = filings.take_in_hand(refused.pk, actor=CUSTODIAN)
    duty = Duty.objects.get(kind="report_shall")
    with pytest.raises(IllegalMove, match="by hand"):
        commands.waive_duty(duty.pk, because="law 1", actor=THIRD)
    duty.refresh_from_db()
    assert duty.state == "open"
    filings.give_back(row.pk, because="the form was never sent", actor=CUSTODIAN)
    commands.waive_duty(duty.pk, because="law 1", actor=THIRD)
    assert the_filing().state == "not_reportable"


def test_a_failed_one_is_tried_again_as_it_is_or_built_anew(refused: Decision, ncmec: Ncmec) -> None:
    before = the_filing().document_sha256
    filings.try_again(the_filing().pk, anew=False, actor=CUSTODIAN)
    run_due()
    assert (the_filing().state, the_filing().document_sha256) == ("failed", before)
    ncmec.stuck = {}
    filings.try_again(the_filing().pk, anew=True, actor=CUSTODIAN)
    run_due()
    assert the_filing().state == "finished"
    with pytest.raises(cybertip.NotNow):
        filings.try_again(the_filing().pk, anew=False, actor=CUSTODIAN)
    check_everywhere_agrees()


def check_everywhere_agrees() -> None:
    assert agrees()
    assert Task.objects.filter(kind="counts-differ").count() == 0


def test_the_letter_to_ncmec_is_sent_on_record_and_ends_the_task(world: memory_host.World, ncmec: Ncmec) -> None:
    decision = decide()
    row = the_filing()
    assert row.state == "finished"
    with pytest.raises(LookupError):
        filings.told_ncmec(row.pk, how="by mail", actor=CUSTODIAN)
    look_again(appeal(decision), desk.CLEARED, grant=True)
    letter = filings.letter_of(row)
    assert letter is not None
    assert letter.state == "drafted"
    assert "reversed on appeal" in letter.body
    assert str(row.report_id) in letter.body
    with pytest.raises(ValueError, match="Say how"):
        filings.told_ncmec(row.pk, how=" ", actor=CUSTODIAN)
    filings.told_ncmec(row.pk, how="by mail on the first day", actor=CUSTODIAN)
    letter.refresh_from_db()
    task = Task.objects.get(kind="tell-ncmec")
    assert letter.state == "sent"
    assert (task.closed_by, task.outcome) == (CUSTODIAN, "by mail on the first day")
    assert agrees()
    check_everywhere(world)


def test_a_preview_is_a_look_in_the_readers_own_name(world: memory_host.World, ncmec: Ncmec) -> None:
    case = case_of("p1", "p2")
    commands.lease_case(case.pk, actor=FIRST, device=desk.DEVICE)
    subject = case.subjects.get()
    commands.answer(subject.pk, "cse", desk.SUSPENDS, actor=FIRST, device=desk.DEVICE)
    decision = commands.propose_decision(subject.pk, "cse", actor=FIRST, device=desk.DEVICE)
    looks = Look.objects.filter(actor=FIRST).count()
    told = filings.preview(decision, actor=FIRST)
    assert told.duty == "shall"
    assert told.problem == ""
    assert etree.fromstring(told.document.encode()).findtext("personOrUserReported/espIdentifier") == "user-17"
    assert [one.seen for one in told.files] == ["unknown"]
    assert len(told.details) == 1
    assert told.completeness is not None
    assert 0 < told.completeness.score < 100
    assert {one.code for one in told.completeness.fetchable} & {"addresses", "file_address"}
    assert Look.objects.filter(actor=FIRST).count() == looks + 3  # two items and the account
    assert Entry.objects.filter(act="filing.previewed", actor=FIRST).count() == 1
    assert not Filing.objects.exists()
    commands.confirm_decision(decision.pk, actor=FIRST, device=desk.DEVICE)
    run_due()
    sent = etree.fromstring(bytes(the_filing().document))
    shown = etree.fromstring(told.document.encode())
    # The same document, but for what was done to the account meanwhile.
    for tree in (sent, shown):
        for one in [*tree.iter("accountPermanentlyDisabled"), *tree.iter("accountTemporarilyDisabled")]:
            one.getparent().remove(one)
    told_lines, sent_lines = ([(one.tag, (one.text or "").strip()) for one in tree.iter()] for tree in (shown, sent))
    assert sent_lines == told_lines
    assert len(sent_lines) > 10
