"""What people command about reports to the United Kingdom's NCA: finding, the rule of s. 70(5), export, reference.

Faces call these. The findings themselves are `authorities.uk`; here stands what needs decisions, CyberTips and the
vault. Nothing is sent by a machine: a person carries the export into the NCA's portal and enters the reference
that it gives. Then, in one transaction, the evidence is held for a year and the alarms end.
"""

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from safehold.audit import service as audit
from safehold.audit.machine import IllegalMove
from safehold.authorities import uk, uk_export
from safehold.authorities.models import UkMatter
from safehold.authorities.rules import RULES, years_after
from safehold.cases.models import CaseSubject, Decision
from safehold.cybertip import inputs
from safehold.cybertip.models import FILED, Filing
from safehold.evidence import service as evidence
from safehold.path import clock, filing, filings, order, reversal

Id = UUID | str


class NotCovered(ValueError):
    """No CyberTip covers the subject's content; the message says why. It is to be reported to the NCA."""


def unanswered() -> "QuerySet[CaseSubject]":
    """Subjects that a decision in force reports, of whom nobody has said whether there is a link to the UK."""
    reports = Decision.objects.filter(state=Decision.State.CONFIRMED, duties__kind__in=order.REPORTS)
    rows = CaseSubject.objects.filter(pk__in=reports.values("subject_id"))
    rows = rows.exclude(pk__in=UkMatter.objects.exclude(state=UkMatter.State.DROPPED).values("subject_id"))
    return rows.select_related("case", "account__host").order_by("case__knowledge_at", "pk")


def find(
    subject_id: Id, *, linked: bool, because: str, actor: str, priority: int | None = None, priority_because: str = ""
) -> UkMatter:
    """Record link and priority. A matter that is late by its priority raises its alarm at once.

    Raises ValueError, IllegalMove as `authorities.uk.find`.
    """
    with transaction.atomic():
        subject = CaseSubject.objects.select_related("case").get(pk=subject_id)
        row = uk.find(
            subject, linked=linked, because=because, priority=priority, priority_because=priority_because, actor=actor
        )
        uk.close_alarms(row, outcome="found anew", actor=actor)
        clock.uk_alarm()
    return row


def cover(matter_id: Id, *, actor: str) -> UkMatter:
    """Derive from the subject's CyberTip that its content is not "unreported". Raises NotCovered, IllegalMove."""
    with transaction.atomic():
        row = UkMatter.objects.select_related("subject").get(pk=matter_id)
        found = covering(row.subject)
        assert found.report_id is not None  # else it covers nothing  # noqa: S101
        row = uk.cover(row.pk, filing=audit.ref(found), report_id=found.report_id, actor=actor)
        uk.close_alarms(row, outcome=audit.ref(found), actor=actor)
    return row


def refuse_cover(matter_id: Id, *, because: str, actor: str) -> UkMatter:
    """The CyberTip does not count for this case, and why: the clock goes on."""
    with transaction.atomic():
        row = uk.refuse_cover(matter_id, because=because, actor=actor)
        clock.uk_alarm()
    return row


def covering(subject: CaseSubject) -> Filing:
    """The finished CyberTip that carries everything the decision in force is about. Raises NotCovered."""
    decision = _decision(subject)
    row = order.filing_of(decision) if decision else None
    if decision is None or row is None or row.state not in FILED or row.report_id is None:
        raise NotCovered("No CyberTip about this subject is finished under a decision in force.")
    if row.environment != settings.SAFEHOLD.cybertip.environment:
        raise NotCovered(f"The CyberTip was filed in {row.environment}: it tells NCMEC nothing here.")
    if filings.letter_of(row) is not None:
        raise NotCovered("NCMEC was told, or is to be told, that this CyberTip was wrong.")
    left = _left_out(decision, inputs.decode(bytes(row.record)))
    if left:
        raise NotCovered(f"The CyberTip does not carry everything of this decision: {', '.join(left)}.")
    return row


def prepare(matter_id: Id, *, actor: str, declared_by: str) -> UkMatter:
    """Make the export from what is known now; what the vault holds is read in `actor`'s name.

    Raises ValueError where no decision in force reports the subject, or the provider is not registered with the
    NCA (reg. 4); the vault's errors; IllegalMove. Not inside a transaction.
    """
    row = UkMatter.objects.select_related("subject__case", "subject__account").get(pk=matter_id)
    if row.state not in (UkMatter.State.DUE, UkMatter.State.PREPARED):
        raise IllegalMove(f"{audit.ref(row)} is {row.state!r}; nothing is to be exported.")
    decision = _decision(row.subject)
    if decision is None:
        raise ValueError("No decision in force reports this subject: there is nothing to export yet.")
    if not settings.SAFEHOLD.uk.registered:
        raise ValueError(
            "Register with the NCA before the first report, then set SAFEHOLD_UK_REGISTRATION and "
            "SAFEHOLD_UK_REGISTERED_ON."
        )
    return uk.prepare(row.pk, build_input(row, decision, by=actor, declared_by=declared_by), actor=actor)


def export(matter_id: Id, *, actor: str) -> uk_export.Export:
    """Both files of an export, built again from its record; that they were taken is on record.

    Raises IllegalMove where none is prepared.
    """
    with transaction.atomic():
        row = UkMatter.objects.get(pk=matter_id)
        if not row.record:
            raise IllegalMove("Nothing is exported for this subject.")
        made = uk_export.build(uk_export.decode(bytes(row.record)))
        audit.record("uk_matter.export_taken", actor=actor, about=row, sha256=made.sha256)
    return made


def give_back(matter_id: Id, *, because: str, actor: str) -> UkMatter:
    """It was not sent after all: it is due, and an alarm is raised where it is late."""
    with transaction.atomic():
        row = uk.give_back(matter_id, because=because, actor=actor)
        clock.uk_alarm()
    return row


def enter_reference(matter_id: Id, *, reference: str, actor: str) -> UkMatter:
    """A person sent it: the reference is kept for five years, and what the report rests on is held for one.

    Raises ValueError for a reference that cannot be one, IllegalMove where nothing was prepared.
    """
    with transaction.atomic():
        row = UkMatter.objects.get(pk=matter_id)
        # Locked: what comes in this moment is seen here, or sees the hold (`snapshot`).
        subject = CaseSubject.objects.select_for_update(of=("self",)).get(pk=row.subject_id)
        row = uk.report(row.pk, reference=reference, actor=actor)
        assert row.reported_at is not None  # set by the line above  # noqa: S101
        evidence.place_hold(
            filing.sealed_of(subject), until=years_after(row.reported_at, "uk-keep-evidence"),
            basis=RULES["uk-keep-evidence"].source, ref=f"uk:{row.pk}", actor=actor,
        )  # fmt: skip
        uk.close_alarms(row, outcome=audit.ref(row), actor=actor)
    return row


def drop(matter_id: Id, *, because: str, actor: str) -> UkMatter:
    """Nothing is due any more. Raises ValueError while a decision in force reports the subject."""
    with transaction.atomic():
        row = UkMatter.objects.select_related("subject").get(pk=matter_id)
        if _decision(row.subject) is not None:
            raise ValueError("A decision in force reports this subject: it is covered, reported, or has no link.")
        row = uk.drop(row.pk, because=because, actor=actor)
        uk.close_alarms(row, outcome="dropped", actor=actor)
    return row


def build_input(row: UkMatter, decision: Decision, *, by: str, declared_by: str) -> uk_export.ExportInput:
    """The record of the export, from the same record that a CyberTip is made from."""
    told, case, provider = filing.build_input(decision, by=by), row.subject.case, settings.SAFEHOLD.provider
    known = clock.of_subject(row.subject)
    accounts = [one for one in (told.subject, *told.victims, *told.recipients) if one is not None]
    own = Filing.objects.filter(
        ref=order.filing_ref(decision), state__in=FILED, environment=settings.SAFEHOLD.cybertip.environment
    )
    mine = tuple(number for number in own.values_list("report_id", flat=True) if number is not None)
    person = " ".join(filter(None, (provider.first_name, provider.last_name)))
    assert row.priority is not None  # the database holds one for every link  # noqa: S101
    return uk_export.ExportInput(
        case=str(case),
        as_of=told.as_of,
        test=settings.SAFEHOLD.environment != "production",
        priority=row.priority,
        priority_because=row.priority_because,
        link_because=row.link_because,
        known_at=case.knowledge_at,
        detected_by=case.knowledge_source,
        channels=known.channels,
        clauses=tuple(decision.clauses),
        incident_type=told.incident_type,
        platform=told.platform,
        reporter=uk_export.UkReporter(
            name=provider.name,
            person=person,
            email=told.reporter.email,
            phone=told.reporter.phone,
            registration=settings.SAFEHOLD.uk.registration,
            registered_on=settings.SAFEHOLD.uk.registered_on,
            legal_url=told.reporter.legal_url,
        ),
        accounts=tuple(map(_account, accounts)),
        files=tuple(map(_file, told.files)),
        urls=told.urls,
        prior_report_ids=(*told.prior_report_ids, *mine),
        prior_references=_references(row.subject),
        declared_by=declared_by,
        additional=told.additional_info,
    )


def _decision(subject: CaseSubject) -> Decision | None:
    """The newest decision in force that is reported."""
    rows = Decision.objects.select_related("subject__case", "subject__account__host").filter(subject=subject)
    found = rows.filter(state=Decision.State.CONFIRMED).order_by("-decided_at")
    return next((row for row in found if reversal.reported(row)), None)


def _left_out(decision: Decision, told: inputs.FilingInput) -> list[str]:
    """Items of the decision that the CyberTip does not carry: a file that is not in it, a text that came after it."""
    carried = {one.sealed_id for one in told.files}
    items = decision.covers.select_related("item").exclude(preserved_at=None)
    return [
        item.item.external_id
        for item in items.order_by("pk")
        if (str(item.body_id) not in carried if item.body_id else item.preserved_at > told.as_of)  # type: ignore[operator]
    ]


def _references(subject: CaseSubject) -> tuple[str, ...]:
    """The NCA's references of earlier reports about the same account."""
    if subject.account is None:
        return ()
    rows = UkMatter.objects.filter(subject__account=subject.account, state=UkMatter.State.REPORTED)
    return tuple(rows.exclude(subject=subject).order_by("reported_at").values_list("reference", flat=True))


def _account(one: inputs.AccountInput) -> uk_export.UkAccount:
    return uk_export.UkAccount(
        role=one.role,
        service=one.service,
        id=one.account_id,
        handle=one.handle,
        display_names=one.display_names,
        urls=one.urls,
        emails=tuple((email.address, email.verified) for email in one.emails),
        phones=tuple(phone.number for phone in one.phones),
        addresses=tuple(map(_address, one.ip_events)),
    )


def _file(one: inputs.FileInput) -> uk_export.UkFile:
    exif = tuple(pair for told in one.details if told.type == "EXIF" for pair in told.values)
    return uk_export.UkFile(
        sealed_id=one.sealed_id,
        name=one.file_name,
        size=one.size,
        hashes=one.hashes,
        url=one.url,
        uploaded_at=one.uploaded_at,
        uploaded_from=_address(one.ip_event) if one.ip_event else None,
        exif=exif or None,
        viewed=one.viewed,
    )


def _address(one: inputs.IpInput) -> uk_export.UkAddress:
    return uk_export.UkAddress(address=one.ip, event=one.event, at=one.at, port=one.port)
