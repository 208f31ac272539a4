"""Forms of the pages about lists. They check shape alone; whether an act is allowed, the rooms say."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from safehold.console.forms import Reason
from safehold.console.questions import text
from safehold.policy import load
from safehold.policy.versions import FIRST, classes, policy_of, versions
from safehold.screening.models import HashList, HitRule
from safehold.screening.rules import PRIVATE
from safehold.subjects.models import Host

DEFAULT = "default"
ALSO = [
    ("md5", _("MD5 alone: it can be forged")),
    ("sha1", _("SHA-1 alone: it can be forged")),
    ("pdq", _("PDQ at distance 0: pictures that look alike can share it")),
]
_KEPT = _("It stays on the record.")


class Because(Reason):
    """A short reason, as the records of screening keep it."""

    reason = forms.CharField(
        label=_("Reason"), max_length=200, widget=forms.Textarea(attrs={"rows": 3}), help_text=_KEPT
    )


class Rule(Because):
    """What hits of one kind do."""

    does = forms.ChoiceField(label=_("What a hit does"), widget=forms.RadioSelect)
    field_order = ("does", "reason")

    def __init__(self, on: str, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        words = HitRule.Does
        left_out = {HitRule.On.WORDS: (words.HIDE, words.UNSEEN), HitRule.On.EXACT: ()}.get(
            HitRule.On(on), (words.UNSEEN,)
        )
        rest = [(value, label) for value, label in words.choices if value not in left_out]
        self.fields["does"].choices = [(DEFAULT, _("no rule: the default")), *rest]  # type: ignore[attr-defined]


class Exact(Because):
    """What alone counts as the very file."""

    also = forms.MultipleChoiceField(
        label=_("Counts as the very file besides SHA-256"), choices=ALSO, required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("MD5 or SHA-1 together with a near PDQ of the same entry always does."),
    )  # fmt: skip
    field_order = ("also", "reason")


class Start(forms.Form):
    """Which category is mapped, for which class and version."""

    category = forms.CharField(label=_("Category, as the list writes it"), max_length=60)
    class_id = forms.ChoiceField(label=_("Class"))
    version = forms.ChoiceField(label=_("Version of the policy"))

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        newest = versions(FIRST)[::-1]
        self.fields["class_id"].choices = [  # type: ignore[attr-defined]
            (name, text(load(policy_of(name), versions(policy_of(name))[-1]), name)) for name in classes()
        ]
        self.fields["version"].choices = [(name, name) for name in newest]  # type: ignore[attr-defined]


class Surface(Because):
    """A private surface, and on what its screening rests."""

    host = forms.ModelChoiceField(label=_("Host"), queryset=Host.objects.filter(enabled=True).order_by("name"))
    name = forms.ChoiceField(label=_("Surface"), choices=[(name, _("private messages")) for name in PRIVATE])
    jurisdiction = forms.CharField(
        label=_("Country"), max_length=2, required=False,
        help_text=_("Two letters (ISO 3166-1). Empty: where the host does not say which law applies."),
    )  # fmt: skip
    basis = forms.CharField(
        label=_("The law or consent it rests on"), max_length=2000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("In your own words, with the article. Ask a lawyer: Safehold does not know whether it holds."),
    )  # fmt: skip
    review_by = forms.DateField(
        label=_("Look at it again by"), widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("After that day screening stops by itself. A task comes two weeks before."),
    )  # fmt: skip
    field_order = ("host", "name", "jurisdiction", "basis", "review_by", "reason")

    def clean_jurisdiction(self) -> str:
        """Letters as the code has them."""
        return str(self.cleaned_data["jurisdiction"]).strip().upper()


class LookBack(forms.Form):
    """Whether a decision that was made without a look was right."""

    answer = forms.ChoiceField(
        label=_("Was the decision right?"), widget=forms.RadioSelect,
        choices=[
            ("yes", _("Yes: I would have decided the same")),
            ("no", _("No: somebody else must look at it again")),
        ],
    )  # fmt: skip
    reason = forms.CharField(
        label=_("Reason"), max_length=400, required=False, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Needed for a no. Write ids and clauses, never what the material shows."),
    )  # fmt: skip


def kinds(home: HashList) -> list[str]:
    """The kinds of hits that a list's entries can make."""
    on = HitRule.On
    return {
        HashList.Kind.FILES: [on.EXACT, on.NEAR], HashList.Kind.LINKS: [on.LINK], HashList.Kind.TERMS: [on.WORDS],
    }[HashList.Kind(home.kind)]  # type: ignore[return-value]  # fmt: skip
