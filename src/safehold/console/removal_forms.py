"""Forms of the pages about removal requests. They check shape alone; whether an act is allowed, the rooms say."""

from django import forms
from django.utils.translation import gettext_lazy as _

from safehold.console import labels
from safehold.removals.models import ELEMENTS, Removal

PARTS = [(name, labels.ELEMENT[name]) for name in ELEMENTS]
GRANT, STANDS = "grant", "stands"


class Check(forms.Form):
    """The five parts of a valid request, each looked at by a person."""

    checked = forms.MultipleChoiceField(
        label=_("What the request holds"), choices=PARTS, widget=forms.CheckboxSelectMultiple, required=False,
        help_text=_("Tick what is there and enough. Whether the request is right is not asked here."),
    )  # fmt: skip


class Ask(forms.Form):
    """What is missing, and our words to the notifier."""

    missing = forms.MultipleChoiceField(label=_("What is missing"), choices=PARTS, widget=forms.CheckboxSelectMultiple)
    answer = forms.CharField(
        label=_("Your words to the notifier"), max_length=2000, required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip


class Refuse(forms.Form):
    """Why the request is refused."""

    reason = forms.ChoiceField(label=_("Reason"), choices=Removal.Reason.choices)
    answer = forms.CharField(
        label=_("Your words to the notifier"), max_length=2000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("They are sent as they stand."),
    )  # fmt: skip


class Link(forms.Form):
    """Where a reviewer found it."""

    link = forms.CharField(
        label=_("Link on one of our hosts"), max_length=2083,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "dir": "ltr"}),
    )  # fmt: skip


class Answer(forms.Form):
    """The answer to an objection."""

    outcome = forms.ChoiceField(
        label=_("Outcome"), widget=forms.RadioSelect,
        choices=[(GRANT, _("the objection is right: bring the item back")), (STANDS, _("the removal stands"))],
    )  # fmt: skip
    reason = forms.CharField(
        label=_("Your words to the account holder"), max_length=2000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("They are sent as they stand. Never who asked for the removal."),
    )  # fmt: skip
