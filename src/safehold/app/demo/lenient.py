"""The second, short walk: the lenient path (S74-S77), and the next violation."""

from typing import Any

from safehold.app.demo.desk import LENIENT
from safehold.app.demo.person import Person
from safehold.app.demo.sides import Item, Member
from safehold.app.demo.steps import ensure, until
from safehold.app.demo.walk import World, report_by_form


def walk(world: World) -> None:
    """First violation without malicious intent, two people agree, the user removes it; then a second violation."""
    from safehold.cybertip.models import Filing
    from safehold.work.models import Job

    steps, side = world.steps, world.side
    member = side.join("user-21")
    item = side.post(member, 3)
    with steps.step("first violation, no malicious intent found: held for a second person", "S74"):
        decision = _decide(world, member, item, LENIENT)
        ensure(decision.state == "held", f"held, not {decision.state}")
        until(lambda: not side.reachable(item), "meanwhile the item is hidden")
        until(lambda: not side.may_post(member), "meanwhile the account is locked")
        ensure(
            not Filing.objects.filter(ref=f"subject:{decision.subject_id}").exists(),
            "nothing is filed before the second person",
        )
    with steps.step("the first person cannot be the second; somebody else agrees", "S74"):
        ensure(world.first.second(str(decision.pk), agree=True).status == 403, "the first is refused")
        page = world.second.second(str(decision.pk), agree=True)
        decision.refresh_from_db()
        ensure(decision.state == "confirmed", f"in force, not {decision.state}: {page.text[:200]}")
    with steps.step("filed all the same", "S67"):
        until(
            lambda: Filing.objects.filter(ref=f"subject:{decision.subject_id}", state="finished").exists(), "a receipt"
        )
    with steps.step("the user is told to remove the item, named by date and id, never shown", "S75"):
        link = until(lambda: side.notices(member), "the link reached them")[-1]
        holder = Person(world.url)
        page = holder.open(link)
        ensure(item.id in page.text and not page.document.xpath("//main//img"), "named, not shown")
    with steps.step("locked until then; the button removes it", "S75 S76"):
        ensure(not side.may_post(member), "still locked")
        ensure(holder.send(page, "", do="remove").status == 200, "the button is taken")
    with steps.step("Safehold sees the removal and unlocks", "S76"):
        until(lambda: side.may_post(member), "the account posts again")
        ensure(not side.reachable(item), "the item is gone")
        ensure(not Job.objects.filter(state="failed").exists(), "no job failed on the way")
    with steps.step("the next violation suspends for good, whatever the intent", "S77"):
        again = side.post(member, 4)
        decision = _decide(world, member, again, LENIENT)
        ensure(decision.state == "confirmed", f"in force at once, not {decision.state}")
        codes = [sanction["code"] for sanction in decision.outcome["sanctions"]]
        ensure("suspend_permanently" in codes, f"suspended for good, not {codes}")
        until(lambda: not side.may_sign_in(member), "the account cannot sign in")
    with steps.step("the follow-up names the earlier report", "2258A; priorCTReports"):
        later = until(
            lambda: Filing.objects.filter(ref=f"subject:{decision.subject_id}", state="finished").first(), "a receipt"
        )
        ensure(b"priorCTReports" in bytes(later.document), "the earlier report's number is in it")


def _decide(world: World, member: Member, item: Item, answers: dict[str, Any]) -> Any:
    """A report, a review, a confirmed (or held) decision about the member."""
    from safehold.cases.models import CaseItem

    report_by_form(world, account="", links=[item.link])
    row = until(
        lambda: (
            CaseItem.objects.filter(item__external_id=item.id, preserve_state="done").select_related("case").first()
        ),
        "the case holds the preserved item",
    )
    case_id = str(row.case_id)
    world.first.take(case_id)
    subject = row.case.subjects.get(account__external_id=member.id)
    page = world.first.assess(str(subject.pk), answers)
    world.first.confirm(page)
    world.first.give_back(case_id)
    decision = subject.decisions.order_by("-decided_at").first()
    ensure(decision, "a decision stands")
    return decision
