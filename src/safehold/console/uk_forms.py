"""Forms of the pages about reports to the United Kingdom's NCA. They check shape alone; the rooms decide."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from safehold.authorities.models import UkMatter

YES, NO = "yes", "no"


class Find(forms.Form):
    """Whether there is a link to the United Kingdom, and how urgent it is."""

    linked = forms.ChoiceField(
        label=_("Is there a link to the United Kingdom?"), choices=[(YES, _("yes")), (NO, _("no"))],
        help_text=_("For example: a person, an address on the network or the place of the content is there."),
    )  # fmt: skip
    because = forms.CharField(
        label=_("What shows that"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Kinds of data and ids, never what material shows."),
    )  # fmt: skip
    priority = forms.TypedChoiceField(
        label=_("Priority"), required=False, coerce=int, empty_value=None, help_text=_("None without a link."),
        choices=[("", "–"), *UkMatter.Priority.choices],
    )  # fmt: skip
    priority_because = forms.CharField(
        label=_("Reason of the priority"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if "linked" in given:
            given["linked"] = given["linked"] == YES
        return given


class Reference(forms.Form):
    """The NCA's reference of a report, typed twice: a wrong sign would bind our record to somebody else's report."""

    reference = forms.CharField(
        label=_("The NCA's reference"), min_length=3, max_length=100, help_text=_("As the NCA's portal showed it."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    again = forms.CharField(
        label=_("The reference once more"), max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if "reference" in given and "again" in given and given["reference"] != given["again"]:
            self.add_error("again", _("The two references differ. Look at the NCA's answer again."))
        return given
