"""The staff's side of a walk: taking a case, answering, confirming, looking at appeals, all through pages.

Others may call `Reviewer`. The answers are ids of the policy pack, never narratives.
"""

from dataclasses import dataclass
from typing import Any

from safehold.app.demo.person import NotOffered, Page, Person
from safehold.app.demo.steps import ensure

# Answer sets of class "cse", version 2024-05.
COMMON: dict[str, Any] = {
    "role": "uploader",
    "minor": "apparent",
    "form": ["photo_video"],
    "shows": "explicit",
    "danger": "none_seen",
}
SUSPENDS = {**COMMON, "malice": "found"}
LENIENT = {**COMMON, "malice": "none_found"}
CLEARED = {"role": "uploader", "minor": "adult"}


@dataclass
class Reviewer:
    """A member of staff at their browser."""

    person: Person
    username: str

    def take(self, case_id: str) -> Page:
        """Take the case from the queue (the queue must show it) and open its page."""
        queue = self.person.open("/console/queue/")
        ensure(case_id in queue.response.text, f"the queue shows case {case_id}")
        return self.person.send(queue, f"/cases/{case_id}/take")

    def case(self, case_id: str) -> Page:
        return self.person.open(f"/console/cases/{case_id}/")

    def give_back(self, case_id: str) -> None:
        self.person.send(self.case(case_id), f"/cases/{case_id}/release")

    def hide(self, case_id: str, item_id: str) -> None:
        """The one key `h` sends this form."""
        self.person.send(self.case(case_id), f"/items/{item_id}/hide")

    def reveal(self, item_id: str) -> bytes:
        """Confirm the reveal, then load the original as the page shows it."""
        page = self.person.send(self.person.open(f"/console/items/{item_id}/reveal"), "reveal")
        ensure(page.status == 200, f"the revealed page answers 200, not {page.status}")
        original = self.person.client.get(f"/console/evidence/{item_id}/original")
        ensure(original.status_code == 200, "the original is shown after the reveal")
        ensure("no-store" in original.headers["cache-control"], "a browser keeps none of it")
        return original.content

    def assess(self, subject_id: str, answers: dict[str, Any], class_id: str = "cse") -> Page:
        """Answer question by question; returns the page with the computed decision."""
        page = self.person.open(f"/console/subjects/{subject_id}/assess/{class_id}/")
        page = self._answer(page, answers, last=f"/assess/{class_id}/answers")
        return self.person.send(page, "/answers")

    def _answer(self, page: Page, answers: dict[str, Any], last: str) -> Page:
        for _ in range(40):
            if page.url.endswith(last):
                return page
            question = page.url.rstrip("/").rsplit("/", 1)[-1]
            if not page.document.xpath("//*[@name='answer']"):
                raise NotOffered(f"{page.url} ({page.status}) asks nothing: {page.text[:300]}")
            given = {"answer": answers[question]} if question in answers else {}
            page = self.person.send(page, "", **given)
            ensure(
                page.status < 400,
                f"the answer to {question!r} is taken, not refused with {page.status}: {page.text[:300]}",
            )
        raise NotOffered(f"The questions do not end; the last was {page.url}.")

    def confirm(self, decision: Page) -> Page:
        """Confirm what was computed."""
        page = self.person.send(decision, "/confirm")
        ensure(page.status == 200, f"the confirmation answers 200, not {page.status}")
        return page

    def second(self, decision_id: str, *, agree: bool) -> Page:
        """Give a second opinion."""
        page = self.person.open(f"/console/second/{decision_id}/")
        if page.status != 200:
            return page
        return self.person.send(
            page, "", agree="yes" if agree else "no", reason="Placeholder reason of a second person."
        )

    def take_appeal(self, appeal_id: str) -> Page:
        """Try to take an appeal; the page that came back may be a refusal."""
        page = self.person.open(f"/console/appeals/{appeal_id}/")
        return page if page.status != 200 else self.person.send(page, "/take")

    def answer_appeal(self, appeal_id: str, answers: dict[str, Any]) -> Page:
        """Answer the questions anew, then grant."""
        page = self.person.open(f"/console/appeals/{appeal_id}/")
        first = page.links(f"/appeals/{appeal_id}/questions/")
        ensure(first, "the appeal's page leads to the questions")
        page = self._answer(self.person.open(first[0]), answers, last=f"/appeals/{appeal_id}/")
        return self.person.send(page, "/decide", outcome="grant", reason="Placeholder reason: looked at again.")
