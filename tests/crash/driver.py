"""The desk's people in a process of their own, for the crash tests: reads commands, answers in JSON lines.

It shares the database with the worker that is killed, and is never killed itself.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

Answer = dict[str, Any]


def main() -> None:
    """One command a line on standard input, one answer a line on standard output."""
    import django

    django.setup()
    from safehold.app.setup import setup

    setup()
    verbs: dict[str, Callable[..., Answer]] = {
        "connect": connect, "case": case, "state": state, "appeal": appeal, "reports": reports, "member": member,
        "waiting": waiting, "removal": removal, "removal_state": removal_state,
    }  # fmt: skip
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = verbs[order.pop("do")](**order)
        except Exception as problem:  # noqa: BLE001 - the test sees it
            answer = {"error": f"{type(problem).__name__}: {problem}"}
        print(json.dumps(answer), flush=True)


def connect(base_url: str) -> Answer:
    """Make the host known; its key and secret."""
    from safehold.hosts import keys
    from safehold.hosts import service as hosts
    from safehold.hosts.models import Scope

    row, secret = hosts.connect(
        "microblog", name="Microblog", adapter="webhook", base_url=base_url, actor="operator:test"
    )
    return {"secret": secret, "key": keys.issue_key(row, Scope.values, actor="operator:test")[1]}


def waiting(link: str, seconds: float = 60) -> Answer:
    """Report, wait until preserved. Returns the case's id."""
    return {"case": str(_preserved(link, seconds).case_id)}


def _preserved(link: str, seconds: float) -> Any:
    from safehold.cases.models import CaseItem
    from safehold.intake.service import NewReport
    from safehold.path import commands

    commands.receive_report(NewReport(channel="form", once_key=f"crash-{link}", host="microblog", locators=(link,)))
    number = link.rsplit("/", 1)[-1]
    found = CaseItem.objects.filter(item__external_id=number, preserve_state="done").select_related("case")
    return _until(found.first, seconds)


def case(link: str, account: str, seconds: float = 60) -> Answer:
    """Report, wait until preserved, decide for suspension. Returns the decision's id."""
    from safehold.path import commands
    from safehold.subjects.models import Item
    from tests.support import desk

    item = _preserved(link, seconds)
    rule = Item.objects.get(pk=item.item_id)
    rule.purge_after_receipt = True
    rule.save()
    subject = item.case.subjects.get(account__external_id=account)
    commands.lease_case(item.case_id, actor=desk.FIRST, device=desk.DEVICE)
    commands.answer(subject.pk, "cse", desk.SUSPENDS, actor=desk.FIRST, device=desk.DEVICE)
    decision = commands.propose_decision(subject.pk, "cse", actor=desk.FIRST, device=desk.DEVICE)
    decision = commands.confirm_decision(decision.pk, actor=desk.FIRST, device=desk.DEVICE)
    return {"decision": str(decision.pk), "subject": str(subject.pk), "case": str(item.case_id)}


def state(decision: str) -> Answer:
    """Where a decision stands: actions, filings, holds, statements, open duties, failed jobs, cases, differences."""
    from django.utils import timezone

    from safehold.cases.models import Case, CaseItem, Decision
    from safehold.cybertip.models import Filing
    from safehold.enforcement.models import Action
    from safehold.evidence.models import Hold, Sealed
    from safehold.notices.models import Statement
    from safehold.path import reconciling
    from safehold.persons.models import Ban, Strike
    from safehold.work.models import Job

    soon = timezone.now() + timedelta(seconds=30)  # the daily housekeeping waits too, and is not waited for
    # First: when nothing is under way now, what is read after it stays as it is.
    busy = Job.objects.filter(state__in=["waiting", "running"], not_before__lte=soon).count()
    row = Decision.objects.select_related("subject").get(pk=decision)
    filings = Filing.objects.filter(ref=f"subject:{row.subject_id}")
    items = CaseItem.objects.filter(case=row.subject.case_id)
    return {
        "actions": sorted(
            [kind, state] for kind, state in Action.objects.filter(decision=row).values_list("kind", "state")
        ),
        "filings": [[f.state, f.report_id] for f in filings],
        "holds": Hold.objects.filter(ref__in=[f"filing:{f.pk}" for f in filings]).count(),
        "statements": Statement.objects.filter(decision=decision).exclude(sent_at=None).count(),
        "open_duties": row.duties.filter(state="open").count(),
        "bans": Ban.objects.filter(because=f"decision:{decision}").count(),
        "strikes": Strike.objects.filter(decision=decision).count(),
        "contexts": Sealed.objects.filter(about__in=[f"caseitem:{i.pk}:context" for i in items]).count(),
        "threads": Sealed.objects.filter(about__in=[f"caseitem:{i.pk}:thread" for i in items]).count(),
        "bodies": Sealed.objects.filter(about__in=[f"caseitem:{i.pk}" for i in items]).count(),
        "failed_jobs": Job.objects.filter(state="failed").count(),
        "busy_jobs": busy,
        "differences": [f"{one.about} {one.code}" for one in reconciling.compare().differences] if not busy else [],
        "cases": Case.objects.filter(subjects__account=row.subject.account).count(),
    }


def appeal(decision: str) -> Answer:
    """Appeal and grant by somebody else."""
    from safehold.notices import service as notices
    from safehold.notices.models import Statement
    from safehold.path import commands
    from tests.support import desk

    token = notices.token_of(Statement.objects.get(decision=decision))
    row = commands.open_appeal(token, text="placeholder message 4", language="en")
    commands.lease_appeal(row.pk, actor=desk.SECOND)
    commands.answer_appeal(row.pk, desk.CLEARED, actor=desk.SECOND)
    row = commands.decide_appeal(row.pk, grant=True, reason="placeholder reason", actor=desk.SECOND)
    return {"appeal": row.state}


def removal(link: str, seconds: float = 60) -> Answer:
    """Ask for a removal, wait until its place is found, find it valid. Returns its id."""
    import msgspec

    from safehold.path import removals as commands
    from safehold.removals import service as removals
    from safehold.removals.models import RemovalItem
    from tests.support import removing

    new = msgspec.structs.replace(removing.WHOLE, once_key=link, links=(link,), host="microblog")
    row = commands.receive_removal(new).removal
    found = RemovalItem.objects.filter(removal=row)
    _until(found.first, seconds)
    commands.find_valid(row.pk, checked=removals.ELEMENTS, actor=removing.CHECKER)
    return {"removal": str(row.pk)}


def removal_state(removal: str) -> Answer:
    """Where a request stands: its state, its actions, digests, list entries, letters, jobs."""
    from django.utils import timezone

    from safehold.enforcement.models import Action
    from safehold.notices.models import Letter
    from safehold.removals.models import Removal
    from safehold.screening.models import ListEntry
    from safehold.work.models import Job

    soon = timezone.now() + timedelta(seconds=30)
    busy = Job.objects.filter(state__in=["waiting", "running"], not_before__lte=soon).count()
    row = Removal.objects.get(pk=removal)
    refs = [f"removalitem:{one.pk}" for one in row.items.all()]
    return {
        "state": row.state,
        "actions": [list(one) for one in Action.objects.filter(cause=row.cause).values_list("kind", "state")],
        "items": row.items.filter(digest="done").count(),
        "entries": ListEntry.objects.filter(ref=row.cause, retracted_at=None).count(),
        "answers": Letter.objects.filter(ref__startswith=row.cause).exclude(sent_at=None).count(),
        "told": Letter.objects.filter(kind="removal_holder", ref__in=refs).exclude(sent_at=None).count(),
        "failed_jobs": Job.objects.filter(state="failed").count(),
        "busy_jobs": busy,
    }


def reports(codes: list[str]) -> Answer:
    """What became of all reports: rows, how many of the receipts lead to one, and their jobs."""
    from safehold.cases.models import Case
    from safehold.intake import service as intake
    from safehold.intake.models import Report
    from safehold.work.models import Job

    jobs = Job.objects.filter(name="report.resolve")
    by_report = set(jobs.values_list("ids__report", flat=True))
    ids = {str(pk) for pk in Report.objects.values_list("pk", flat=True)}
    return {
        "rows": len(ids),
        "found": len({row.pk for code in codes if (row := intake.by_code(code)) is not None}),
        "jobs_open": jobs.filter(state__in=["waiting", "running"]).count(),
        "jobs_done": jobs.filter(state="done").count(),
        "failed_jobs": Job.objects.filter(state="failed").count(),
        "without_job": len(ids - by_report),
        "cases": Case.objects.count(),
        "in_cases": Report.objects.filter(cases__isnull=False).distinct().count(),
    }


def member(username: str, roles: list[str]) -> Answer:
    """A new member of staff and their password."""
    from safehold.staff import service as staff

    _row, password = staff.create_member(username, roles, actor="operator:test")
    return {"password": password}


def _until(look: Callable[[], Any], seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise TimeoutError("not seen in time")
        time.sleep(0.05)
    return seen


if __name__ == "__main__":
    main()
