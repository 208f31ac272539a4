"""The console's forms. They check shape alone; whether an act is allowed, the rooms say."""

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from safehold.hosts.models import Scope
from safehold.staff.models import StaffRole


class Reason(forms.Form):
    """One text that must say why."""

    reason = forms.CharField(
        label=_("Reason"), max_length=2000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("It stays on the record. Write ids and clauses, never what the material shows."),
    )  # fmt: skip


class Outcome(forms.Form):
    """What came of a task."""

    outcome = forms.CharField(
        label=_("What was done"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("It stays on the record. Write ids and codes, never content."),
    )  # fmt: skip


class Roles(forms.Form):
    """What a member may do."""

    roles = forms.MultipleChoiceField(
        label=_("Roles"), choices=StaffRole.choices, widget=forms.CheckboxSelectMultiple,
        help_text=_("Administrators and auditors never see evidence and never decide, whatever else they are."),
    )  # fmt: skip


class NewMember(Roles):
    """A member to be made; the password is random and shown once."""

    username = forms.CharField(
        label=_("User name"), min_length=2, max_length=60,
        help_text=_("Small letters, digits, dots, hyphens and underscores."),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    name = forms.CharField(label=_("Name"), max_length=150, required=False, help_text=_("As colleagues read it."))
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES, required=False)
    field_order = ("username", "name", "language", "roles")


class NewKey(forms.Form):
    """An API key to be issued to a host."""

    label = forms.CharField(label=_("Label"), max_length=100, required=False, help_text=_("Where the key is used."))
    scopes = forms.MultipleChoiceField(
        label=_("What the key may be used for"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple
    )
