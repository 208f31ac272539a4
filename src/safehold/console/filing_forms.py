"""Forms of the pages about filings. They check shape alone; whether an act is allowed, the rooms say."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class Number(forms.Form):
    """NCMEC's number of a report, typed twice: a wrong digit would bind the receipt to somebody else's report."""

    number = forms.IntegerField(
        label=_("NCMEC's number of the report"), min_value=1, max_value=10**15 - 1,
        help_text=_("As the web form showed it, or as NCMEC's message says."),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )  # fmt: skip
    again = forms.IntegerField(
        label=_("The number once more"), min_value=1, max_value=10**15 - 1,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if "number" in given and "again" in given and given["number"] != given["again"]:
            self.add_error("again", _("The two numbers differ. Look at NCMEC's receipt again."))
        return given


class Told(forms.Form):
    """How NCMEC was told of a wrong report."""

    how = forms.CharField(
        label=_("How NCMEC was told"), max_length=200, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The channel, the day, and what they answered. It stays on the record; never write content."),
    )  # fmt: skip
