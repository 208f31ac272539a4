"""What a list's category means as answers to the policy's questions: written by one policy owner, signed by another.

The questions are shown one below the other, as far as the answers so far lead; what they would lead to stands beside.
"""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from safehold import policy
from safehold.console import list_forms, questions
from safehold.console.asking import asked
from safehold.console.rights import StaffRequest, requires
from safehold.policy.versions import policy_of
from safehold.screening import service as screening
from safehold.screening.mappings import ROLE
from safehold.screening.models import CategoryMapping, HashList
from safehold.staff.service import Right
from safehold.subjects.models import Role


@requires(Right.POLICY, "GET", "POST")
def start(request: StaffRequest, slug: str) -> HttpResponse:
    """Which category, for which class and version."""
    home = get_object_or_404(HashList, pk=slug)

    def act(given: dict[str, Any]) -> HttpResponse:
        if given["class_id"] not in _pack(given["class_id"], given["version"]).classes:
            raise ValueError(_("This version of the policy does not have that class."))
        place = reverse("console:mapping-write", args=[home.pk, given["version"], given["class_id"]])
        query = QueryDict(mutable=True)
        query["category"] = given["category"]
        return redirect(f"{place}?{query.urlencode()}")

    form = list_forms.Start(request.POST or None)
    note = _(
        "A decision without a look takes its answers from here. Answer only what every file of the category shows."
    )
    return asked(
        request, form, act, "console/list_form.html", _("What a category means"), home=home, note=note,
        button=_("Go on"),
    )  # fmt: skip


@requires(Right.POLICY, "GET", "POST")
def write(request: StaffRequest, slug: str, version: str, class_id: str) -> HttpResponse:
    """The questions. “Look” shows where the answers lead; “Sign” keeps them, for another person to sign as well."""
    home = get_object_or_404(HashList, pk=slug)
    category = (request.POST if request.method == "POST" else request.GET).get("category", "").strip()
    pack = _pack(class_id, version)
    if class_id not in pack.classes or not category:
        raise Http404
    given = _given(pack, class_id, request.POST)
    form, problem = list_forms.Because(request.POST if "sign" in request.POST else None), ""
    if "sign" in request.POST and form.is_valid():
        try:
            row = screening.sign_mapping(
                home.pk, category, class_id, version, given, because=form.cleaned_data["reason"],
                actor=request.user.actor,
            )  # fmt: skip
        except ValueError as refusal:
            problem = str(refusal)
        else:
            messages.success(request, _("Signed by you. It counts once another policy owner has signed."))
            return redirect("console:mapping", row.pk)
    context = {
        "home": home, "category": category, "pack": pack, "class_id": class_id, "problem": problem, "form": form,
        "class_name": questions.text(pack, class_id), "screens": _screens(pack, class_id, given),
        "lead": _lead(pack, class_id, given),
    }  # fmt: skip
    return render(request, "console/mapping_write.html", context, status=422 if problem or form.errors else 200)


@requires(Right.POLICY)
def mapping(request: StaffRequest, mapping_id: UUID) -> HttpResponse:
    """One mapping: its answers in words, where they lead, who signed."""
    row = get_object_or_404(CategoryMapping.objects.select_related("list"), pk=mapping_id)
    pack = policy.load(row.policy, row.policy_version)
    answers = {ROLE: Role.UPLOADER.value, **row.answers}
    context = {
        "row": row, "home": row.list, "pack": pack, "class_name": questions.text(pack, row.class_id),
        "rows": [one for one in questions.answered(pack, row.class_id, answers) if _may_answer(one["question"])],
        "lead": _lead(pack, row.class_id, row.answers), "mine": row.signed_by == request.user.actor,
    }  # fmt: skip
    return render(request, "console/mapping.html", context)


@requires(Right.POLICY, "POST")
def countersign(request: StaffRequest, mapping_id: UUID) -> HttpResponse:
    """The second signature."""
    row = get_object_or_404(CategoryMapping, pk=mapping_id)
    try:
        screening.countersign_mapping(row.pk, actor=request.user.actor)
    except screening.NotAllowed as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, _("Signed by two people: it counts from now on."))
    return redirect("console:mapping", row.pk)


@requires(Right.POLICY, "GET", "POST")
def end(request: StaffRequest, mapping_id: UUID) -> HttpResponse:
    """A person answers for the category from now on."""
    row = get_object_or_404(CategoryMapping.objects.select_related("list"), pk=mapping_id)

    def act(given: dict[str, Any]) -> HttpResponse:
        screening.end_mapping(row.pk, because=given["reason"], actor=request.user.actor)
        messages.success(request, _("Ended. A person answers for this category now."))
        return redirect("console:list", row.list_id)

    note = _("Nothing of this category is decided without a look any more.")
    return asked(
        request, list_forms.Because(request.POST or None), act, "console/list_form.html", _("End this mapping"),
        home=row.list, note=note,
    )  # fmt: skip


def _pack(class_id: str, version: str) -> policy.Pack:
    try:
        return policy.load(policy_of(class_id), version)
    except policy.PolicyError:
        raise Http404 from None


def _given(pack: policy.Pack, class_id: str, posted: QueryDict) -> dict[str, Any]:
    """The answers of the form, without those that are no longer asked after a change."""
    answers: dict[str, Any] = {ROLE: Role.UPLOADER.value}
    for question in pack.classes[class_id].questions:
        values = [value for value in posted.getlist(f"q-{question.id}") if value]
        if not values or question.kind == "text":
            continue
        tried = {**answers, question.id: values if question.kind == "many" else values[0]}
        try:
            path = {one.id for one in policy.questions(pack, class_id, tried)}
        except policy.BadAnswer:
            continue
        answers = tried if question.id in path else answers
    return {name: value for name, value in answers.items() if name != ROLE}


def _screens(pack: policy.Pack, class_id: str, given: dict[str, Any]) -> list[tuple[questions.Screen, bool]]:
    """The questions that a list may answer, as far as the answers lead, and whether each is left open."""
    answers = {ROLE: Role.UPLOADER.value, **given}
    path = policy.questions(pack, class_id, answers)
    shown = [questions.screen(pack, class_id, answers, one.id) for one in path if _may_answer(one)]
    return [(one, one.question.id not in given) for one in shown if one]


def _may_answer(question: policy.Question) -> bool:
    """Whether a list may answer it: neither the role, nor a text, nor what decides nothing."""
    return question.id != ROLE and question.kind != "text" and question.needs != "record_only"


def _lead(pack: policy.Pack, class_id: str, given: dict[str, Any]) -> dict[str, Any]:
    """Where the answers lead for an uploader without a history, and why only a person may decide, if so."""
    lead = screening.leads_to(pack, class_id, {ROLE: Role.UPLOADER.value, **given}, policy.History())
    code, _colon, about = lead.why.partition(":")
    question = code == "unanswered" and pack.classes[class_id].question(about)
    return {
        "outcome": questions.text(pack, lead.outcome.outcome_id) if lead.outcome else "",
        "clauses": lead.outcome.clauses if lead.outcome else (),
        "why": code, "about": questions.text(pack, question.text_id) if question else about,
    }  # fmt: skip
