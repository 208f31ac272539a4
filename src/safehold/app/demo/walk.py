"""The main walk: one case from a stranger's report to a granted appeal, each step confirmed by looking.

What is looked at: pages as the people see them, the host as an ordinary member sees it, NCMEC's side as
the simulator shows it, and the ledger where only the desk can know.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
from django.utils import timezone

from safehold.app.demo.desk import CLEARED, SUSPENDS, Reviewer
from safehold.app.demo.person import Page, Person
from safehold.app.demo.sides import Item, Member, Side, gradient
from safehold.app.demo.steps import Steps, ensure, until

FOLLOWED = timedelta(seconds=2)  # a new entry matches within a second of its commit; a busy machine gets two


@dataclass
class World:
    """Everything that a walk meets."""

    url: str  # Safehold
    simulator: str  # where the simulator shows what it received
    side: Side
    first: Reviewer
    second: Reviewer
    steps: Steps
    first_password: str


def report_by_form(world: World, *, account: str, links: list[str], **more: Any) -> tuple[Page, str]:
    """A person without an account fills in the public form. Returns the receipt page and the code."""
    visitor = Person(world.url)
    form = visitor.open("/report")
    ensure(not form.document.xpath("//input[@type='file']"), "the form has no upload control")
    page = visitor.send(form, "/report", account_name=account, links="\n".join(links), **more)
    ensure(
        page.status == 200 and "/r/" in page.url,
        f"the report ends on a receipt page, not on {page.url} ({page.status})",
    )
    return page, page.url.rstrip("/").rsplit("/", 1)[-1]


def walk(world: World) -> None:
    """All of it, in order. Raises at the first step that is not confirmed."""
    steps, side = world.steps, world.side
    member = side.join("user-17")
    witness = side.join("user-18")
    kept, doomed = side.post(member, 1), side.post(member, 2)
    _purge_right_after_receipt(side, doomed)

    case_id = _reports(world, member, witness, [kept, doomed])
    items = _evidence(world, case_id, [kept, doomed])
    decision_id = _decision(world, case_id, items, [kept, doomed])
    _enforcement(world, decision_id, member)
    _filing(world, decision_id, kept, doomed)
    if side.adapter == "webhook":  # Matrix has no hook before an upload is published
        _known_again(world, witness)
    token = _statement(world, decision_id, member)
    _appeal(world, decision_id, token, member, kept, doomed)
    with steps.step("the transparency page counts what happened", "DSA Art. 15"):
        page = Person(world.url).open("/transparency/")
        ensure(page.status == 200, "the page answers")
        public = httpx2.get(f"{world.url}/transparency/figures.json", timeout=30, trust_env=False)
        ensure(public.status_code == 200, "the figures can be downloaded")
        exact = _exact_figures()
        for name in COUNTED:
            ensure(exact.get(name), f"{name} was counted, not {exact.get(name)!r}")


# What the main walk did, by the ids of the figures; the page itself withholds numbers under five.
COUNTED = (
    "reports.channel.form", "reports.channel.in_app", "cases.opened", "decisions.violation",
    "decisions.cause.appeal", "clauses.2024-05.CSE-01", "sanctions.suspend_permanently", "actions.confirmed",
    "actions.reversed", "cybertips.finished", "appeals.granted",
)  # fmt: skip


def _exact_figures() -> dict[str, Any]:
    """This quarter's figures as staff may read them: nothing withheld."""
    from django.utils import timezone

    from safehold.transparency import service as transparency

    period = transparency.periods(timezone.now().date())[0]
    counted = transparency.figures(period.start, period.end)
    return {row["id"]: row.get("value") for section in counted["sections"] for row in section["rows"]}


def _purge_right_after_receipt(side: Side, item: Item) -> None:
    """The operator's rule for one item: purge after the receipt, without waiting for the appeal window."""
    from safehold.subjects import service as subjects
    from safehold.subjects.models import Host

    row = subjects.item(Host.objects.get(slug=side.slug), item.id, kind="media" if side.adapter == "matrix" else "post")
    subjects.set_purge_rule(row, after_receipt=True, actor="operator:demo")


def _reports(world: World, member: Member, witness: Member, items: list[Item]) -> str:
    from safehold.cases.models import Case
    from safehold.intake import service as intake

    steps, side = world.steps, world.side
    with steps.step(
        "a person without an account reports by the public form and gets a receipt code", "S48 S49 S52 S55"
    ):
        page, code = report_by_form(
            world, account=member.id if side.adapter == "matrix" else member.handle, links=[item.link for item in items]
        )
        ensure(code in page.response.text, "the receipt shows its code")
    with steps.step("the same report by the host's own button, through the in-app API", "S50 S64"):
        second = side.report(witness, member, items)
        ensure(second and second != code, "the second report has a receipt of its own")
    with steps.step("both joined one case", "S52"):

        def joined() -> Case | None:
            first, other = intake.by_code(code), intake.by_code(second)
            if first is None or other is None:
                return None
            case = first.cases.first()
            return case if case is not None and case == other.cases.first() else None

        case = until(joined, "one case holds both reports")
    return str(case.pk)


def _evidence(world: World, case_id: str, items: list[Item]) -> list[str]:
    """Preserved and encrypted before anything else happened to them. Returns the case items' ids, in order."""
    from django.conf import settings

    from safehold.cases.models import CaseItem
    from safehold.enforcement.models import Action

    with world.steps.step("the items are fetched from the host and preserved, encrypted", "S13 S65; 18 USC 2258A(h)"):
        rows = until(
            lambda: (
                list(
                    CaseItem.objects.filter(
                        case__pk=case_id, preserve_state="done", item__external_id__in=[i.id for i in items]
                    )
                )
                if CaseItem.objects.filter(case__pk=case_id, preserve_state="done").count() >= len(items)
                else None
            ),
            "both items lie in the vault",
        )
        ensure(not Action.objects.filter(case_item__case__pk=case_id).exists(), "nothing was done to them before")
        stored = [path for path in (settings.SAFEHOLD.data / "evidence").rglob("*") if path.is_file()]
        ensure(
            stored and not any(b"\x89PNG" in path.read_bytes()[:4096] for path in stored), "no body is readable on disk"
        )
    order = {item.id: number for number, item in enumerate(items)}
    return [str(row.pk) for row in sorted(rows, key=lambda row: order[row.item.external_id])]


def _decision(world: World, case_id: str, item_ids: list[str], items: list[Item]) -> str:
    from safehold.cases.models import Case
    from safehold.evidence.models import Look

    steps, side, first = world.steps, world.side, world.first
    with steps.step("a reviewer takes the case from the queue under a lease; a second one is refused", "S2"):
        page = first.take(case_id)
        ensure(page.status == 200, f"the case opens, not {page.status}")
        refused = world.second.person.client.post(
            f"/console/cases/{case_id}/take",
            data={},
            headers={"X-CSRFToken": world.second.person.client.cookies.get("csrftoken") or ""},
        )
        ensure(refused.status_code in (403, 409), f"a second person's take is refused, not {refused.status_code}")
    with steps.step("the items are seen blurred, grey and still", "S13"):
        for item_id in item_ids:
            veiled = first.person.client.get(f"/console/evidence/{item_id}/veiled")
            ensure(
                veiled.status_code == 200 and veiled.headers["content-type"] == "image/png", "a veiled picture is shown"
            )
            ensure(
                first.person.client.get(f"/console/evidence/{item_id}/original").status_code == 403,
                "the original is not, before a reveal",
            )
    for item_id, item in zip(item_ids, items, strict=True):
        with steps.step("hidden on the host with one key, confirmed as an ordinary member sees it", "S66"):
            ensure(side.reachable(item), "it was reachable before")
            first.hide(case_id, item_id)
            until(lambda item=item: not side.reachable(item), "nobody reaches the item")  # type: ignore[misc]
    with steps.step("revealed once, on record", "S13; 18 USC 2258B(c)"):
        body = first.reveal(item_ids[0])
        ensure(body.startswith(b"\x89PNG"), "the picture is shown, encoded anew")
        ensure(Look.objects.filter(kind="whole").exists(), "the exposure log has it")
    with steps.step(
        "the policy's questions are answered, the policy computes the decision, the reviewer confirms", "CSE-01; S9 S47"
    ):
        subject = Case.objects.get(pk=case_id).subjects.get()
        page = first.assess(str(subject.pk), SUSPENDS)
        ensure("CSE-01" in page.text, "the clause is named")
        first.confirm(page)
        decision = subject.decisions.get()
        ensure(
            decision.state == "confirmed" and decision.policy_version == "2024-05", "it is in force, by version 2024-05"
        )
        ensure(list(decision.clauses) == ["CSE-01"], "by clause CSE-01")
    first.give_back(case_id)
    return str(decision.pk)


def _action(decision_id: str, kind: str, state: str = "confirmed", item: Item | None = None) -> Any:
    from safehold.enforcement.models import Action

    rows = Action.objects.filter(decision__pk=decision_id, kind=kind, state=state)
    return rows.filter(case_item__item__external_id=item.id).first() if item else rows.first()


def _enforcement(world: World, decision_id: str, member: Member) -> None:
    steps, side = world.steps, world.side
    with steps.step("the account is suspended for good, confirmed by asking the host", "S71"):
        until(lambda: _action(decision_id, "suspend_account"), "the suspension is confirmed")
        ensure(not side.may_post(member), "the account cannot post")
        ensure(not side.may_sign_in(member), "the account cannot sign in")
    with steps.step("the person is banned: the sign-up check refuses them by e-mail, and by nothing else", "S72 S73"):
        until(lambda: _action(decision_id, "ban_person"), "the ban is in force")
        shouted = member.email.upper().replace("@MAIL.EXAMPLE", "@Mail.Example")
        ensure(side.sign_up_refused(email=shouted), "the same e-mail in other letters is refused")
        if member.phone:
            ensure(
                side.sign_up_refused(email="user-19@mail.example", phone=member.phone),
                "the same telephone number is refused",
            )
        ensure(
            not side.sign_up_refused(email="user-20@mail.example", ip="192.0.2.17"),
            "an address on the network never decides",
        )


def _filing(world: World, decision_id: str, kept: Item, doomed: Item) -> None:
    from safehold.cases.models import Decision
    from safehold.cybertip.models import Filing
    from safehold.evidence.models import Hold

    steps = world.steps
    ref = f"subject:{Decision.objects.get(pk=decision_id).subject_id}"
    with steps.step("the CyberTip is built, checked and filed; the raw receipt is kept", "S67 L17; 18 USC 2258A(a)"):
        filing = until(lambda: Filing.objects.filter(state="finished", ref=ref).first(), "a receipt")
        ensure(b"reportDoneResponse" in bytes(filing.receipt or b""), "the receipt is NCMEC's own answer")
        received = httpx2.get(f"{world.simulator}/received.json", timeout=15, trust_env=False).json()
        finished = [row for row in received["reports"] if row["state"] == "finished" and row["id"] == filing.report_id]
        ensure(len(finished) == 1, "the other side holds one finished report")
        ensure(len(finished[0]["files"]) == 2, "with both files")
    with steps.step("the hold runs one year from the receipt", "18 USC 2258A(h)(1)"):
        hold = Hold.objects.get(ref=f"filing:{filing.pk}")
        ran = hold.until - (filing.ended_at or hold.until)
        ensure(ran.days in (365, 366), "one year")
    with steps.step("the second item is purged right after the receipt, by the operator's rule: no undo", "S66"):
        until(lambda: _action(decision_id, "purge_item", item=doomed), "the purge is confirmed")
    with steps.step("the first item is scheduled for purging when the appeal window ends", "S66; DSA Art. 20"):
        purge = until(lambda: _action(decision_id, "purge_item", "planned", kept), "the purge is planned")
        due = until(lambda: _due(purge), "its day is set")
        ensure(due.days >= 183, f"not sooner than six months, but in {due.days} days")


def _known_again(world: World, witness: Member) -> None:
    """Somebody else uploads the same picture: recognised before anybody sees it."""
    from safehold.cases.models import Case
    from safehold.screening import service as screening
    from safehold.screening.models import ListEntry

    with world.steps.step("the same picture, uploaded again by somebody else, is recognised and kept from view", "S13"):
        digest = hashlib.sha256(gradient(1)).hexdigest()
        rows = ListEntry.objects.filter(list=screening.BANK, sha256=digest)
        until(lambda: rows.filter(first_seen__lte=timezone.now() - FOLLOWED).exists(), "the bank knows it")
        screening.set_trusted(
            "bank", trusted=True, because="placeholder reason", actor="operator:first", approved_by="operator:second"
        )
        ensure(world.side.upload_refused(witness, 1), "the host does not publish it")
        case = until(
            lambda: Case.objects.filter(knowledge_source="match", items__preserve_state="done").first(),
            "a case holds it, preserved",
        )
        item = case.items.get().item.external_id
        ensure(not world.side.reachable(Item(item, "")), "nobody reaches it")
        ensure(not case.subjects.get().decisions.exists(), "a person decides first")


def _due(action: Any) -> Any:
    from django.utils import timezone

    from safehold.work.models import Job

    job = Job.objects.filter(name="action.carry_out", ids__action=str(action.pk), state="waiting").first()
    return job.not_before - timezone.now() if job else None


def _statement(world: World, decision_id: str, member: Member) -> str:
    from safehold.notices.models import Statement

    with world.steps.step("the account holder gets a statement of reasons with a link", "DSA Art. 17"):
        until(
            lambda: Statement.objects.filter(decision=decision_id).exclude(sent_at=None).exists(),
            "the statement is sent",
        )
        link = until(lambda: world.side.notices(member), "the link reached the account holder")[-1]
        page = Person(world.url).open(link)
        ensure(page.status == 200 and "CSE-01" in page.text, "the statement names its clause")
    return str(link)


def _appeal(world: World, decision_id: str, link: str, member: Member, kept: Item, doomed: Item) -> None:
    from safehold.redress.models import Appeal
    from safehold.work.models import Task

    steps, side = world.steps, world.side
    with steps.step("they appeal through the link while suspended", "S81"):
        holder = Person(world.url)
        page = holder.send(holder.open(link), "", text="Placeholder message 4.")
        ensure(page.status == 200, f"the appeal is taken, not {page.status}")
        appeal = Appeal.objects.get(decision__pk=decision_id)
    with steps.step("the first reviewer is refused, a different one takes it", "DSA Art. 20(6)"):
        ensure(world.first.take_appeal(str(appeal.pk)).status == 403, "the first is refused")
        ensure(world.second.take_appeal(str(appeal.pk)).status == 200, "the second takes it")
    with steps.step("they answer the questions anew and grant it", "S81"):
        page = world.second.answer_appeal(str(appeal.pk), CLEARED)
        appeal.refresh_from_db()
        ensure(appeal.state == "granted", f"granted, not {appeal.state}: {page.text[:300]}")
    with steps.step("account, ban and first item are back, each confirmed", "DSA Art. 20(4)"):
        for kind in ("suspend_account", "ban_person"):
            until(lambda kind=kind: _action(decision_id, kind, "reversed"), f"{kind} is reversed")  # type: ignore[misc]
        until(lambda: _action(decision_id, "hide_item", "reversed", kept), "the hiding is reversed")
        ensure(side.may_sign_in(member), "the account signs in")
        ensure(side.may_post(member), "the account posts")
        ensure(side.reachable(kept), "the first item is reachable")
        ensure(not side.sign_up_refused(email=f"again-{member.email}"), "the sign-up check is open again")
    with steps.step("what cannot come back says so: the purged item, the filing, the hold", "18 USC 2258A(h)"):
        ensure(_action(decision_id, "purge_item", "irreversible", doomed), "the purge is marked irreversible")
        ensure(_action(decision_id, "purge_item", "dropped", kept), "the planned purge is dropped")
        ensure(not side.reachable(doomed), "the purged item stays away")
        task = Task.objects.filter(kind="tell-ncmec", closed_at=None, role="custodian").order_by("-opened_at").first()
        ensure(task, "a task asks a custodian to tell NCMEC")
