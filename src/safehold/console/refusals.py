# ruff: noqa: E501 (one line for each refusal)
"""The rooms' refusals as pages: what is wrong, what to do, and that nothing was changed.

`KNOWN` are the errors that `rights.requires` turns into `page`; any other error is a fault and stays one.
"""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from safehold.audit.machine import IllegalMove
from safehold.cases import service as cases
from safehold.cases.decisions import AlreadyDecided, SamePerson
from safehold.cases.models import Case
from safehold.console.device import device_of
from safehold.evidence import service as evidence
from safehold.path import custody, unseen
from safehold.redress.service import TookPart
from safehold.removals import service as removals
from safehold.screening import service as screening
from safehold.staff.models import Member, StaffRole

KNOWN = (
    cases.LeaseTaken,
    cases.NoLease,
    SamePerson,
    AlreadyDecided,
    TookPart,
    removals.SamePerson,
    IllegalMove,
    evidence.Destroyed,
    evidence.NotRevealed,
    evidence.NoPrivateKey,
    evidence.Corrupt,
    evidence.UnknownEvidence,
    evidence.NeedsSecondPerson,
    evidence.HoldInForce,
    evidence.KeyStoreFailed,
    custody.StillNeeded,
    screening.NeedsSecondPerson,
    unseen.NotLookedAt,
)


@dataclass(frozen=True)
class Words:
    """What a refusal says."""

    status: int
    title: str | Promise
    text: str | Promise


_TAKEN = Words(
    409,
    _("Somebody else works on this case"),
    _("A case has one reviewer at a time. Take another one, or wait until it is given back."),
)
_OTHER_DEVICE = Words(
    409,
    _("You hold this case on another device"),
    _(
        "A lease belongs to the browser in which the case was taken. Go on there, or give the case back there and take it here."
    ),
)
_NO_LEASE = Words(
    409,
    _("You do not hold this case"),
    _("Your lease has run out or was given back. Take the case again; the answers kept so far are still there."),
)
_TOOK_PART = Words(
    403,
    _("Somebody else must do this"),
    _("You took part in this decision. Who decides must never be the one who looks at it again."),
)
_DECIDED = Words(
    409,
    _("This was decided already"),
    _("A decision about this person is in force or waits for its second person. Open the case to see it."),
)
_FASTER = Words(
    409,
    _("This is no longer possible"),
    _("Somebody was faster, or the state has changed since the page was shown. Open the case to see how it stands."),
)
_DESTROYED = Words(
    410,
    _("This evidence was destroyed"),
    _("Its key is gone: nobody can read it any more. The record says when and why."),
)
_NOT_REVEALED = Words(
    403, _("Reveal it first"), _("Nothing is shown unblurred before a reveal of your own is on record.")
)
_NO_KEY = Words(
    503,
    _("This process cannot show evidence"),
    _("It only writes evidence, or the private key is missing. An administrator must look at the keys."),
)
_CORRUPT = Words(
    500,
    _("The evidence is damaged"),
    _("What lies in the store is not what was preserved. Tell an administrator and an evidence custodian at once."),
)
_TWO = Words(
    403,
    _("Two people are needed"),
    _("Whoever asked cannot agree, and nobody lets themselves look. Another custodian must do this."),
)
_TWO_OWNERS = Words(
    403,
    _("Two people are needed"),
    _("Whoever asked for this, or signed it, cannot agree to it. Another policy owner must do this."),
)
_LOOK_FIRST = Words(
    409,
    _("Look at it first"),
    _("Take the case and reveal every file that the decision is about. Then say whether it was right."),
)
_HELD = Words(
    409,
    _("A hold stands against this"),
    _("Another authority's legal hold, or one placed a moment ago, forbids it. Nothing was destroyed."),
)
_NEEDED = Words(
    409,
    _("The case still needs its evidence"),
    _("Nothing is destroyed before the case is decided and its report is filed, or waived with a reason."),
)
_NO_STORE = Words(
    503,
    _("The key store cannot be reached"),
    _("Nothing can be opened or kept until it answers. An administrator must look at it."),
)
_UNKNOWN = Words(404, _("There is no such evidence"), _("Nothing with this number was ever preserved here."))

_WORDS: dict[type[Exception], Words] = {
    cases.NoLease: _NO_LEASE,
    SamePerson: _TOOK_PART,
    TookPart: _TOOK_PART,
    removals.SamePerson: _TOOK_PART,
    AlreadyDecided: _DECIDED,
    IllegalMove: _FASTER,
    evidence.Destroyed: _DESTROYED,
    evidence.NotRevealed: _NOT_REVEALED,
    evidence.NoPrivateKey: _NO_KEY,
    evidence.Corrupt: _CORRUPT,
    evidence.UnknownEvidence: _UNKNOWN,
    evidence.NeedsSecondPerson: _TWO,
    evidence.HoldInForce: _HELD,
    evidence.KeyStoreFailed: _NO_STORE,
    custody.StillNeeded: _NEEDED,
    screening.NeedsSecondPerson: _TWO_OWNERS,
    unseen.NotLookedAt: _LOOK_FIRST,
}


def page(request: HttpRequest, refusal: Exception) -> HttpResponse:
    """The page for one of `KNOWN`."""
    until: datetime | None = None
    case: Case | None = None
    if isinstance(refusal, cases.LeaseTaken):
        until, case = refusal.lease.until, refusal.lease.case
        member = request.user
        same = isinstance(member, Member) and refusal.lease.holder == member.actor
        words = _OTHER_DEVICE if same and refusal.lease.device != device_of(request) else _TAKEN
    else:
        words = next(words for kind, words in _WORDS.items() if isinstance(refusal, kind))
    return _render(request, words, until=until, case=case)


def forbidden(request: HttpRequest, roles: list[StaffRole]) -> HttpResponse:
    """403: which roles could open the page."""
    words = Words(
        403,
        _("Your roles do not open this page"),
        _("The attempt is noted. Ask an administrator if you need another role."),
    )
    return _render(request, words, roles=roles)


def _render(request: HttpRequest, words: Words, **more: object) -> HttpResponse:
    context = {"status": words.status, "title": words.title, "text": words.text, **more}
    response = render(request, "console/refusal.html", context, status=words.status)
    if request.headers.get("HX-Request"):  # a part of a page asked: the whole page shows how things stand
        response.headers["HX-Refresh"] = "true"
    return response
