"""Forms of the pages about authorities. They check shape alone; whether an act is allowed, the rooms say."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from safehold.authorities.models import Notice, Process
from safehold.cases.models import Case
from safehold.console import labels


class Enter(forms.Form):
    """A request of an authority, for the register."""

    kind = forms.ChoiceField(label=_("Kind"), choices=Process.Kind.choices)
    authority = forms.CharField(label=_("Authority"), max_length=200)
    country = forms.RegexField(
        label=_("Country"), regex=r"^[A-Za-z]{2}$", max_length=2, help_text=_("Its code of two letters, such as US."),
        widget=forms.TextInput(attrs={"autocapitalize": "characters", "autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    document = forms.CharField(label=_("Document"), max_length=200, help_text=_("The authority's own reference."))
    received_on = forms.DateField(label=_("Received on"), widget=forms.DateInput(attrs={"type": "date"}))
    due_on = forms.DateField(
        label=_("To be answered by"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )  # fmt: skip
    verified = forms.CharField(
        label=_("How you verified who sent it"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("For example: called back on a number from a public register, on which day."),
    )  # fmt: skip
    asked = forms.CharField(
        label=_("What is asked for"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Kinds of data and ids, never what material shows."),
    )  # fmt: skip
    case = forms.CharField(
        label=_("Case"), max_length=20, required=False, help_text=_("Its number, where there is a case: C-000017.")
    )  # fmt: skip

    def clean_case(self) -> Case | None:
        text = self.cleaned_data["case"].strip().upper().removeprefix("C-").lstrip("0")
        if not text:
            return None
        row = Case.objects.filter(number=int(text)).first() if text.isascii() and text.isdecimal() else None
        if row is None:
            raise forms.ValidationError(_("There is no case with this number."))
        return row


class Answer(forms.Form):
    """What came of a request."""

    answer = forms.CharField(
        label=_("What was handed over, or why not"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Kinds of data, the package's SHA-256, the channel. It stays on the record; never write content."),
    )  # fmt: skip


class Inform(forms.Form):
    """To whom a notice goes (Art. 18(2))."""

    addressee = forms.ChoiceField(label=_("Addressee"), choices=Notice.Addressee.choices)
    country = forms.ChoiceField(
        label=_("Member State"), required=False, help_text=_("None for Europol."),
    )  # fmt: skip
    authority = forms.CharField(
        label=_("Authority"), max_length=200, help_text=_("Its name, and the place that takes such notices.")
    )  # fmt: skip

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        states = sorted(labels.EU.items(), key=lambda pair: str(pair[1]))
        self.fields["country"].choices = [("", "–"), *states]  # type: ignore[attr-defined]


class Sent(forms.Form):
    """That a notice was sent, and what proves it."""

    channel = forms.CharField(
        label=_("Channel"), max_length=200, help_text=_("The portal, the address, the telephone.")
    )
    proof = forms.CharField(
        label=_("What proves it"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("The reference number they gave, a message id, or the name of who took it and when."),
    )  # fmt: skip
